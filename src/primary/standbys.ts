import type { AppRuntime } from '../protocol.ts';
import type { PreloadPlan } from './preload-plan.ts';
import { LONG } from './progress.ts';
import { StandbyHandle } from './standby-handle.ts';
import type { WorkerHandle } from './worker-handle.ts';

export interface StandbysOptions {
  fork: () => WorkerHandle;
  /** How many are kept. */
  size: number;
  plan: PreloadPlan;
  /** What is added to the arguments of every generation but the first. */
  restartArgs: string[];
  /** What the generation that serves runs on. */
  runtime: () => AppRuntime;
  /** One waits, as warm as it gets. */
  onWarm: (worker: WorkerHandle, preloaded: string[]) => void;
  /** One takes long to become warm, and evaluates this package just now. */
  onWarming: (worker: WorkerHandle, evaluates: string | undefined) => void;
  /** Something can't be preloaded. */
  tell: (message: string) => void;
}

/**
 * Workers that are started before they are needed: Node and the app's loader have booted, the dependencies of the app
 * are evaluated, its own code has not been looked at. One that is not ready when it is taken goes on as far as it is.
 */
export class Standbys {
  readonly #options: StandbysOptions;
  #waiting: StandbyHandle[] = [];
  /** Those that are being warmed. */
  readonly #warming = new Map<StandbyHandle, Promise<void>>();
  #isStopped = false;

  constructor(options: StandbysOptions) {
    this.#options = options;
  }

  /** The worker for the next generation. */
  take(): StandbyHandle {
    const next = this.#waiting.shift() ?? this.#new();
    next.take();
    return next;
  }

  /** Like take(), but one that has done nothing ahead. */
  takeCold(): StandbyHandle {
    this.refreshAll();
    const next = this.#new();
    next.take();
    return next;
  }

  /** Resolves when the next one to be taken is as warm as it gets, or gone. */
  async warmed(): Promise<void> {
    const [next] = this.#waiting;
    if (next) await this.#warming.get(next);
  }

  /** It has not been needed after all. One that was discarded, or can't go on as a standby, is none. */
  giveBack(one: StandbyHandle): void {
    if (this.#isStopped || one.worker.isRetired || one.worker.exit) return;
    one.giveBack();
    this.#waiting.unshift(one);
  }

  /** Starts what is missing. */
  fill(): void {
    for (const one of this.#waiting) if (!one.hasBegun) this.#warmUp(one);
    while (this.#waiting.length < this.#options.size && !this.#isStopped) {
      const one = this.#new();
      this.#waiting.push(one);
      this.#warmUp(one);
    }
  }

  /** Ends those that have loaded one of these files: they would run it as it was. */
  refresh(changed: readonly string[]): void {
    for (const one of this.#waiting) {
      if (changed.some((file) => one.worker.loaded.has(file))) this.#discard(one);
    }
  }

  /** Ends all: what they have evaluated is not what the next generation would. */
  refreshAll(): void {
    for (const one of this.#waiting) this.#discard(one);
  }

  stop(): void {
    this.#isStopped = true;
    this.refreshAll();
  }

  #warmUp(one: StandbyHandle): void {
    this.#warming.set(
      one,
      this.#warm(one).finally(() => this.#warming.delete(one)),
    );
  }

  async #warm(one: StandbyHandle): Promise<void> {
    const slow = setTimeout(() => {
      if (this.#waiting.includes(one)) this.#options.onWarming(one.worker, one.evaluates);
    }, LONG);
    const outcome = await one.run(this.#options.runtime).finally(() => clearTimeout(slow));
    switch (outcome.type) {
      case 'warm':
        if (this.#waiting.includes(one)) this.#options.onWarm(one.worker, one.preloaded);
        break;
      case 'spoiled':
        this.#tell(this.#options.plan.excludeAll(outcome.misspeculations));
        if (this.#waiting.includes(one)) this.#discard(one);
        this.fill();
        break;
      case 'interrupted':
        break;
      default:
        outcome satisfies never;
    }
  }

  #new(): StandbyHandle {
    const { fork, plan, restartArgs } = this.#options;
    const one = new StandbyHandle(fork(), plan, restartArgs);
    one.worker.once('ended', () => this.#drop(one));
    return one;
  }

  #tell(message: string | undefined): void {
    if (message) this.#options.tell(message);
  }

  #drop(one: StandbyHandle): void {
    this.#waiting = this.#waiting.filter((other) => other !== one);
  }

  #discard(one: StandbyHandle): void {
    this.#drop(one);
    one.worker.discard();
  }
}
