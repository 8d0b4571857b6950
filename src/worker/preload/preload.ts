import { performance } from 'node:perf_hooks';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { messageOf } from '../../errors.ts';
import { packageNameOf } from '../../packages.ts';
import type { MessageOf, MessageToWorker, Misspeculation, Preloaded, PreloadRoot } from '../../protocol.ts';
import { AppText } from './app-text.ts';
import { watchChannels } from './channel-record.ts';
import { EarlierCode } from './earlier-code.ts';
import { contentOf, watchFileReads } from './file-record.ts';
import { observe } from './observe.ts';
import { HookCalls } from './process-record.ts';
import { Speculation } from './speculation.ts';
import { World } from './world.ts';

/** A root that does next to nothing for this time waits for what may never come, in milliseconds. */
const STALLED = 1000;

export interface PreloadResult {
  preloaded: Preloaded[];
  /** Why the worker can't be used any more; all reasons, so that they are found at once. */
  spoiled: Misspeculation[];
  /** Files, outside of packages, that were read. */
  files: string[];
}

/**
 * Evaluates dependencies before the app is loaded, in the order of a cold start. For those that a cold start would
 * have evaluated after some of the app's files this is speculation: whether it may be right is looked at after each,
 * whether it was once the app is loaded.
 */
export class Preload {
  readonly speculation: Speculation;
  readonly #task: MessageOf<MessageToWorker, 'preload'>;
  readonly #earlier: EarlierCode;
  readonly #world: World;
  readonly #hooks = new HookCalls();
  /** The files that roots have looked at, and what they were like. */
  readonly #read = new Map<string, string>();
  readonly #result: PreloadResult = { preloaded: [], spoiled: [], files: [] };
  #current: PreloadRoot | undefined;
  #isStopped = false;
  #ended: Promise<void> = Promise.resolve();

  constructor(task: MessageOf<MessageToWorker, 'preload'>) {
    this.#task = task;
    watchFileReads();
    watchChannels();
    // Node opens them when they are first used, whoever does.
    void [process.stdout, process.stderr];
    this.#world = new World();
    const app = new AppText(task.order);
    this.#earlier = new EarlierCode(task, app);
    this.speculation = new Speculation({
      app,
      appVariables: task.appVariables,
      world: this.#world,
      hooks: this.#hooks,
    });
  }

  /** Evaluates the roots, until it is told to stop. `onRoot` is called before each. */
  async run(onRoot: (target: string) => void): Promise<PreloadResult> {
    const done = this.#run(onRoot);
    this.#ended = done.catch(() => {});
    await done;
    return this.#result;
  }

  /** Resolves when the root that is being evaluated has ended; no other follows. */
  async stop(): Promise<Misspeculation | undefined> {
    this.#isStopped = true;
    await this.#ended;
    const hasChanged = [...this.#read].some(([file, content]) => contentOf(file) !== content);
    return this.#result.spoiled[0] ?? (hasChanged ? { cause: '', roots: [] } : undefined);
  }

  /** The dependency that is being evaluated does what has its effect at once: it can't be evaluated ahead. */
  spoil(what: string): void {
    if (this.#current) this.#spoil(this.#current, what);
  }

  #spoil({ target }: PreloadRoot, what: string): void {
    this.#result.spoiled.push({ cause: `${packageNameOf(target)} ${what} while it loads`, roots: [target] });
  }

  async #run(onRoot: (target: string) => void): Promise<void> {
    const last = this.#task.roots.findLast(({ isLeft }) => !isLeft);
    for (const root of this.#task.roots) {
      // Lets the word in that the app is to be loaded.
      await nextTurn();
      if (this.#isStopped) break;
      if (root.isLeft) {
        this.#earlier.leave(root);
        continue;
      }
      onRoot(root.target);
      this.#current = root;
      if (!(await endsInTime(() => this.#evaluate(root, root !== last)))) {
        this.#spoil(root, 'does not end');
        break;
      }
      this.#current = undefined;
    }
  }

  async #evaluate(root: PreloadRoot, isFollowed: boolean): Promise<void> {
    const isSpeculated = root.after > 0;
    const hooks = this.#hooks.count;
    const observation = await observe(root, {
      world: this.#world,
      announced: isSpeculated ? this.#earlier.setBefore(root) : [],
      hasMain: this.#task.hasMain,
    });
    const { changes, error, forbidden, hasWaited, ms, reads } = observation;
    if (error !== undefined) this.#spoil(root, `fails (${messageOf(error).split('\n')[0]})`);
    if (forbidden) this.#spoil(root, forbidden);
    if (this.#hooks.count > hooks) this.#spoil(root, 'registers module hooks');
    if (hasWaited && isFollowed) this.#spoil(root, 'waits for something, and others do not');
    const leavesTraces = Object.values(changes).some(({ length }) => length > 0);
    this.#result.preloaded.push({ target: root.target, ms, leavesTraces });
    this.#result.files.push(...reads.files.keys());
    for (const [file, content] of reads.files) this.#read.set(file, content);
    this.#earlier.noteChanges(observation);
    if (!isSpeculated) return;
    this.speculation.add(observation);
    const conflict = this.#earlier.conflictWith(observation);
    if (!conflict) return;
    this.#result.spoiled.push(conflict);
    this.#earlier.leave(root);
  }
}

/** Whether a task ends before it has done next to nothing for a while. */
async function endsInTime(task: () => Promise<void>): Promise<boolean> {
  let before = performance.eventLoopUtilization();
  let timer: NodeJS.Timeout | undefined;
  // Made before the task begins, which is asked what it has begun.
  const stalled = new Promise<false>((resolve) => {
    timer = setInterval(() => {
      if (performance.eventLoopUtilization(before).utilization < 0.05) resolve(false);
      before = performance.eventLoopUtilization();
    }, STALLED).unref();
  });
  try {
    return await Promise.race([task().then(() => true), stalled]);
  } finally {
    clearInterval(timer);
  }
}
