import { packageNameOf } from '../packages.ts';
import type { AppRuntime, Misspeculation, Preloaded } from '../protocol.ts';
import { missingIn } from './app-runtime.ts';
import type { PreloadOrder, PreloadPlan } from './preload-plan.ts';
import type { WorkerHandle } from './worker-handle.ts';

/** Tells modules apart by the names under which the app imports them, and a standby knows only their files. */
const IMPORT_HOOKS = /[\\/]node_modules[\\/]import-in-the-middle[\\/]/;

export type WarmUpOutcome =
  | { type: 'warm' }
  /** It must not become a generation. */
  | { type: 'spoiled'; misspeculations: readonly Misspeculation[] }
  /** It is needed already, or has ended. */
  | { type: 'interrupted' };

/** A standby from the perspective of the primary: what it is told to warm, until it is needed. */
export class StandbyHandle {
  readonly worker: WorkerHandle;
  readonly #plan: PreloadPlan;
  readonly #restartArgs: string[];
  #order: PreloadOrder | undefined;
  #preloaded: readonly Preloaded[] = [];
  #isTaken = false;
  #isRunning = false;
  #evaluates: string | undefined;
  /** What it has been told to warm. */
  #runtime: AppRuntime | undefined;

  constructor(worker: WorkerHandle, plan: PreloadPlan, restartArgs: string[]) {
    this.worker = worker;
    this.#plan = plan;
    this.#restartArgs = restartArgs;
  }

  /** The targets of what it has evaluated ahead. */
  get preloaded(): string[] {
    return this.#preloaded.map(({ target }) => target);
  }

  /** The package that it evaluates just now. */
  get evaluates(): string | undefined {
    return this.#evaluates;
  }

  /** Whether it is being told, or has been told, what to evaluate. */
  get hasBegun(): boolean {
    return this.#isRunning || this.#order !== undefined;
  }

  /** It is needed now: it goes no further than it is. */
  take(): WorkerHandle {
    this.#isTaken = true;
    return this.worker;
  }

  /** It is not needed yet after all. */
  giveBack(): void {
    this.#isTaken = false;
  }

  /** `runtime`: that of the generation that serves. */
  async run(runtime: () => AppRuntime): Promise<WarmUpOutcome> {
    this.#isRunning = true;
    const { worker } = this;
    try {
      if (!worker.isBooted && (await worker.waitFor(['standby'])).type === 'ended') return { type: 'interrupted' };
      const outcome = await this.#warm(runtime());
      if (outcome.type !== 'warm') return outcome;
      worker.send({ type: 'resolve', files: this.#plan.resolvable() });
      await worker.waitFor(['resolved']);
      return this.#isTaken ? { type: 'interrupted' } : outcome;
    } finally {
      this.#isRunning = false;
    }
  }

  async #warm(serving: AppRuntime): Promise<WarmUpOutcome> {
    const { worker } = this;
    const runtime = this.#runtime ? missingIn(serving, this.#runtime) : serving;
    if ((!this.#runtime || runtime.api || runtime.typescript.length > 0) && !this.#isTaken) {
      this.#runtime = serving;
      worker.send({ type: 'warm-runtime', runtime });
      const answer = await worker.waitFor(['runtime-warm']);
      if (answer.type !== 'runtime-warm') return { type: 'interrupted' };
    }
    const unread = this.#plan.unread();
    if (Object.keys(unread).length > 0 && !this.#isTaken) {
      worker.send({ type: 'analyze', files: unread });
      const answer = await worker.waitFor(['imports']);
      if (answer.type !== 'imports') return { type: 'interrupted' };
    }
    if (this.#isTaken) return { type: 'interrupted' };
    const order = this.#plan.next();
    if (order.roots.every(({ isLeft }) => isLeft)) return { type: 'warm' };
    const hooks = [...worker.loaded.dependencies].some((file) => IMPORT_HOOKS.test(file));
    if (!hooks) return this.#preload(order);
    const roots = order.roots.map(({ target }) => target);
    return { type: 'spoiled', misspeculations: [{ cause: 'import-in-the-middle hooks what the app imports', roots }] };
  }

  async #preload(order: PreloadOrder): Promise<WarmUpOutcome> {
    const { worker } = this;
    this.#order = order;
    const modules = new Map<string, number>();
    let last: { target: string; loaded: number } | undefined;
    // Everything that a root loads is reported before the next one is announced.
    const count = (next?: string): void => {
      const loaded = worker.loaded.dependencies.size;
      if (last) modules.set(last.target, Math.max(1, loaded - last.loaded));
      last = next === undefined ? undefined : { target: next, loaded };
      this.#evaluates = next && packageNameOf(next);
    };
    const onMessage = (message: { type: string; target?: string }): void => {
      if (message.type === 'preloading') count(message.target);
    };
    worker.on('message', onMessage);
    const { variables: appVariables, hasMain } = this.#plan;
    worker.send({ type: 'preload', ...order, appVariables, hasMain, restartArgs: this.#restartArgs });
    const outcome = await worker.waitFor(['warm']);
    worker.off('message', onMessage);
    if (outcome.type !== 'warm') {
      if (!last || worker.isRetired) return { type: 'interrupted' };
      const { target } = last;
      const cause = `${packageNameOf(target)} makes the process exit while it loads`;
      return { type: 'spoiled', misspeculations: [{ cause, roots: [target] }] };
    }
    count();
    this.#preloaded = outcome.preloaded;
    worker.loaded.addRead(outcome.files);
    this.#plan.notePreloaded(outcome.preloaded, modules);
    if (outcome.spoiled.length > 0) return { type: 'spoiled', misspeculations: outcome.spoiled };
    // What was learned just now of what they leave behind may forbid some of it.
    if (!this.#plan.allows(order, this.preloaded) && !this.#isTaken) {
      return { type: 'spoiled', misspeculations: [] };
    }
    return this.#isTaken ? { type: 'interrupted' } : { type: 'warm' };
  }

  /** When it has loaded the app: whether what it did ahead was right. */
  verify(): Misspeculation | undefined {
    return this.#order && this.#plan.verify(this.#order, this.#preloaded, this.worker.loaded);
  }
}
