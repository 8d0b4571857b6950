import { hasSubscribers } from 'node:diagnostics_channel';
import { performance } from 'node:perf_hooks';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { messageOf } from '../../errors.ts';
import { packageNameOf } from '../../package-name.ts';
import type { MessageOf, MessageToWorker, Misspeculation, Preloaded, PreloadRoot } from '../../protocol.ts';
import { AppText } from './app-text.ts';
import { watchChannels } from './channel-record.ts';
import { contentOf, watchFileReads } from './file-record.ts';
import type { ObjectChange } from './object-record.ts';
import { observe, type Observation } from './observe.ts';
import { packagesUsedBy, usesAnyOf } from './package-graph.ts';
import {
  changedEvents,
  changedSettings,
  countListeners,
  HookCalls,
  readSettings,
  type Settings,
} from './process-record.ts';
import { World } from './world.ts';

/** A root that does next to nothing for this time waits for what may never come, in milliseconds. */
const STALLED = 1000;

/** Variables that Node itself reads. */
const READ_BY_NODE = new Set(['TZ', 'NODE_PATH']);

/** What changes how modules are loaded, those of the app too: a cold start has loaded some by then. */
const LOADER = new Set(['node:module', 'Module.prototype', 'require.extensions']);

export interface PreloadResult {
  preloaded: Preloaded[];
  /** Why the worker can't be used any more; all reasons, so that they are found at once. */
  spoiled: Misspeculation[];
  /** Files, outside of packages, that were read. */
  files: string[];
}

/**
 * Evaluates dependencies before the app is loaded, in the order of a cold start. For those that a cold start would
 * have evaluated after some of the app's files this is speculation: it is right as long as neither side saw what the
 * other one changed. Both are noted here: what a dependency reads and changes of the world that all modules share
 * (environment, globals, built-ins, hooks), and what the app changes there while it loads. A dependency that uses a
 * package which one of those files uses, too, is not evaluated ahead: what packages keep to themselves shows nowhere.
 */
export class Preload {
  readonly #task: MessageOf<MessageToWorker, 'preload'>;
  readonly #app: AppText;
  readonly #world: World;
  readonly #hooks = new HookCalls();
  /** The files that roots have looked at, and what they were like. */
  readonly #read = new Map<string, string>();
  /** Of those roots that a cold start evaluates after files of the app. */
  readonly #speculated: Observation[] = [];
  readonly #result: PreloadResult = { preloaded: [], spoiled: [], files: [] };
  /** Variables that roots have set: the app does not set these any more. */
  readonly #setByRoots = new Set<string>();
  /** The packages that roots use which are left to the app: what follows must have nothing to do with those. */
  readonly #leftPackages = new Set<string>();
  #current: PreloadRoot | undefined;
  #isStopped = false;
  #ended: Promise<void> = Promise.resolve();
  #atLoad: { settings: Settings; listeners: Map<string, number>; hooks: number } | undefined;

  constructor(task: MessageOf<MessageToWorker, 'preload'>) {
    this.#task = task;
    this.#app = new AppText(task.order);
    watchFileReads();
    watchChannels();
    // Node opens them when they are first used, whoever does.
    void [process.stdout, process.stderr];
    this.#world = new World();
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
        this.#leave(root);
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

  /** What the files of the app before it may have done that nobody can see. */
  #unseen({ target, after, used: count }: PreloadRoot): Misspeculation | undefined {
    const roots = [target];
    const file = this.#app.findUntracked(after);
    if (file) return { cause: 'the app looks into the loaded modules or into V8', roots: 'speculated', file };
    const shared = usesAnyOf(target, new Set(this.#task.uses.slice(0, count)));
    if (shared === undefined) {
      const passed = usesAnyOf(target, this.#leftPackages);
      if (passed === undefined) return undefined;
      return { cause: `${packageNameOf(target)} uses ${passed}, as others do that are not preloaded`, roots };
    }
    return { cause: `${packageNameOf(target)} uses ${shared}, as files of the app do before it is loaded`, roots };
  }

  async #evaluate(root: PreloadRoot, isFollowed: boolean): Promise<void> {
    const isSpeculated = root.after > 0;
    const hooks = this.#hooks.count;
    const observation = await observe(root, {
      world: this.#world,
      announced: isSpeculated ? this.#setBefore(root) : [],
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
    for (const name of changes.variables) this.#setByRoots.add(name);
    if (!isSpeculated) return;
    this.#speculated.push(observation);
    const reason = this.#seenByEarlierFiles(observation) ?? this.#readsOfApp(observation) ?? this.#unseen(root);
    if (!reason) return;
    this.#result.spoiled.push(reason);
    this.#leave(root);
  }

  /** What a dependency changes shows too early to the files of the app that a cold start evaluates before it. */
  #seenByEarlierFiles({ root, changes, hasWaited }: Observation): Misspeculation | undefined {
    const { target } = root;
    // Files that do not import it do not wait for it.
    const after = hasWaited ? this.#task.order.length : root.after;
    const name = packageNameOf(target);
    const roots = [target];
    const [variable] = changes.variables;
    if (variable)
      return { cause: `${name} sets ${list(changes.variables)}, and files of the app come before it`, roots };
    const [setting] = changes.settings;
    if (setting) return { cause: `${name} changes ${setting}, and files of the app come before it`, roots };
    const [channel] = changes.channels;
    if (channel) return { cause: `${name} subscribes to ${channel}, and files of the app come before it`, roots };
    for (const event of changes.events) {
      const file = this.#app.findString(event, 0, after);
      if (file) return { cause: `${name} listens to ${event}, which a file of the app before it may see`, roots, file };
    }
    for (const change of changes.objects) {
      if (change.name === undefined || LOADER.has(change.owner))
        return { cause: `${name} changes ${labelOf(change)}, and files of the app come before it`, roots };
      const file = this.#app.findName(change.name, 0, after);
      if (file)
        return { cause: `${name} changes ${labelOf(change)}, which a file of the app before it may see`, roots, file };
    }
    return undefined;
  }

  #readsOfApp({ root: { target }, reads }: Observation): Misspeculation | undefined {
    const read = this.#task.appVariables.filter((name) => reads.variables.has(name) && !this.#setByRoots.has(name));
    if (read.length === 0) return undefined;
    return {
      cause: `the app sets ${list(read)}, which ${packageNameOf(target)} reads`,
      roots: [target],
      file: this.#app.findName(read[0] as string),
    };
  }

  /** Variables that the app sets before a root, as far as its files tell. */
  #setBefore({ after }: PreloadRoot): string[] {
    return this.#task.appVariables.filter(
      (name) => this.#app.findName(name, 0, after) !== undefined || this.#app.findName(name) === undefined,
    );
  }

  #leave({ target }: PreloadRoot): void {
    for (const name of packagesUsedBy(target)) this.#leftPackages.add(name);
  }

  /** To be called when the app is about to be loaded. */
  beginLoad(): void {
    this.#app.forget();
    this.#atLoad = { settings: readSettings(), listeners: countListeners(), hooks: this.#hooks.count };
  }

  /** After the app was loaded: whether a cold start would have come to the same. `variables`: those that it has set. */
  validate(variables: readonly string[]): Misspeculation | undefined {
    if (this.#speculated.length === 0) return undefined;
    return (
      this.#validateVariables(variables) ?? this.#validateWorld() ?? this.#validateProcess() ?? this.#validateFiles()
    );
  }

  #validateVariables(variables: readonly string[]): Misspeculation | undefined {
    const ofNode = variables.find((name) => READ_BY_NODE.has(name));
    if (ofNode) return this.#allSpeculated(`the app sets ${ofNode}`, ofNode);
    const conflict = this.#conflict(
      ({ reads }) => variables.filter((name) => reads.variables.has(name)),
      (names, reader) => `the app sets ${list(names)}, which ${reader} reads`,
    );
    if (conflict) return conflict;
    const unannounced = variables.filter((name) => !this.#task.appVariables.includes(name));
    if (unannounced.length === 0 || !this.#speculated.some(({ reads }) => reads.listsVariables)) return undefined;
    // Next time the dependency sees the name, and either reads the variable or does not care.
    return { cause: `the app sets ${list(unannounced)} for the first time`, roots: [] };
  }

  #validateWorld(): Misspeculation | undefined {
    for (const change of this.#world.update()) {
      const { owner, name, isNew } = change;
      const isNewGlobal = owner === 'globalThis' && isNew;
      if (name === undefined) return this.#allSpeculated(`the app changes ${labelOf(change)}`);
      const misspeculation = isNewGlobal
        ? this.#conflict(
            ({ reads: { globals } }) => (globals.enumerated || globals.missing.has(name) ? [name] : []),
            (_, reader) => `the app sets the global ${name}, which ${reader} reads`,
          )
        : this.#isMadeLater(name)
          ? undefined
          : this.#allSpeculated(`the app changes ${labelOf(change)}`, name);
      if (misspeculation) return misspeculation;
    }
    return undefined;
  }

  #validateProcess(): Misspeculation | undefined {
    if (!this.#atLoad) return undefined;
    const { settings, listeners, hooks } = this.#atLoad;
    const [setting] = changedSettings(settings, readSettings());
    if (setting) return this.#allSpeculated(`the app changes ${setting}`);
    if (this.#hooks.count > hooks) return this.#allSpeculated('the app registers module hooks', 'register');
    const events = changedEvents(listeners, countListeners());
    return (
      this.#conflict(
        ({ reads }) => events.filter((name) => reads.events.isOfAll || reads.events.names.has(name)),
        ([event], other) => `the app listens to ${event} of process, with which ${other} has to do while it loads`,
      ) ??
      this.#conflict(
        ({ reads }) => [...reads.channels].filter((name) => hasSubscribers(name)),
        ([channel], other) => `the app subscribes to ${channel}, on which ${other} publishes while it loads`,
      )
    );
  }

  #validateFiles(): Misspeculation | undefined {
    return this.#conflict(
      ({ reads }) => [...reads.files].flatMap(([file, content]) => (contentOf(file) === content ? [] : [file])),
      ([file], reader) => `${file} changes while the app is loaded, and ${reader} reads it`,
    );
  }

  /** The roots of which `find` finds something that they have to do with what the app has done. */
  #conflict(
    find: (observation: Observation) => string[],
    describe: (names: string[], packageName: string) => string,
  ): Misspeculation | undefined {
    const concerned = this.#speculated.filter((observation) => find(observation).length > 0);
    const [first] = concerned;
    if (!first) return undefined;
    const names = find(first);
    return {
      cause: describe(names, packageNameOf(first.root.target)),
      roots: concerned.map(({ root }) => root.target),
      file: this.#app.findName(names[0] as string),
    };
  }

  #allSpeculated(cause: string, name?: string): Misspeculation {
    return { cause, roots: 'speculated', file: name === undefined ? undefined : this.#app.findName(name) };
  }

  /**
   * Whether only files of the app speak of it that a cold start evaluates after everything that was evaluated ahead,
   * as the body of an entry that is an ES module.
   */
  #isMadeLater(name: string): boolean {
    const last = Math.max(...this.#speculated.map(({ root }) => root.after));
    return this.#app.findName(name, 0, last) === undefined && this.#app.findName(name, last) !== undefined;
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

function labelOf({ owner, name }: ObjectChange): string {
  if (name === undefined) return `what can be added to ${owner}`;
  return owner === 'globalThis' ? `the global ${name}` : `${owner}.${name}`;
}

function list(names: readonly string[]): string {
  return names.length > 3 ? `${names.slice(0, 3).join(', ')} and ${names.length - 3} more` : names.join(', ');
}
