import path from 'node:path';
import type { ResolvedOptions } from '../options/handover-options.ts';
import type { WireError } from '../protocol.ts';
import { describeExit } from '../terminal/exit-text.ts';
import { delay, withTimeout } from '../timers.ts';
import { CrashLoop } from './crash-loop.ts';
import type { RestarterEvents, Step } from './events.ts';
import { Handover } from './handover.ts';
import type { HandoverResult } from './handover-task.ts';
import type { Inspector } from './inspector/inspector.ts';
import { watchStart } from './progress.ts';
import type { Retirements } from './retirements.ts';
import type { Router } from './router.ts';
import type { StateStore } from './state-store.ts';
import { Wishes, type Wish } from './wishes.ts';
import type { WorkerExit, WorkerHandle } from './worker-handle.ts';
import type { Workers } from './workers.ts';

export interface RestartLoopOptions {
  options: ResolvedOptions;
  /** The app's entry. */
  exec: string;
  router: Router;
  retirements: Retirements;
  store: StateStore;
  workers: Workers;
  inspector: Inspector | undefined;
  emit: <K extends keyof RestarterEvents>(event: K, ...detail: RestarterEvents[K]) => void;
  /** Other files matter now. */
  onFiles: () => void;
}

/** For so long the first requests have the processor for themselves: they meet code that has not run yet. In milliseconds. */
const FIRST_REQUESTS = 25;

/** When no process can be started it is tried again after this time, in milliseconds. */
const FORK_AGAIN = 1000;

/** In a stream of changes a standby that is nearly warm is waited for, at most so long, in milliseconds. */
const LONGEST_WARM_UP = 300;

/** Replaces the serving generation by the next, whenever that is wished for: one handover at a time. */
export class RestartLoop {
  readonly #with: RestartLoopOptions;
  readonly #wishes: Wishes;
  readonly #crashes = new CrashLoop();
  #serving: WorkerHandle | undefined;
  #changed: string[] = [];
  #generation = 0;
  #attempt: AbortController | undefined;
  /** The worker of that attempt. */
  #attempting: WorkerHandle | undefined;
  #looping: Promise<void> | undefined;
  /** `fresh`: since when nothing is served because of a change. */
  #quiescedAt: number | undefined;
  #failed: WorkerHandle | undefined;
  #reason: string | undefined;
  #lastExit: WorkerExit | undefined;
  /** No process could be started for the last one. */
  #isWithoutProcess = false;
  #isStopped = false;

  constructor(options: RestartLoopOptions) {
    this.#with = options;
    this.#wishes = new Wishes(options.options.restartDelay);
  }

  get serving(): WorkerHandle | undefined {
    return this.#serving;
  }

  /** The files whose change the serving generation is for. It may load some of them later, in a thread for example. */
  get changed(): readonly string[] {
    return this.#changed;
  }

  /** Why nothing serves; undefined: nothing has been tried yet. */
  get reason(): string | undefined {
    return this.#reason;
  }

  /** How the last generation has ended. */
  get lastExit(): WorkerExit | undefined {
    return this.#lastExit;
  }

  /** Those whose files matter: what the serving generation has loaded, and what a failed one was about to load. */
  get workers(): WorkerHandle[] {
    return [this.#serving, this.#failed, this.#attempting].filter((worker) => worker !== undefined);
  }

  /**
   * Every restart begins here: a change during a handover supersedes it, so that the last one always wins. Resolves when
   * nothing more is wished for.
   */
  async request(reason: string[], detectMs = 0): Promise<void> {
    if (this.#isStopped) return;
    this.#with.emit('change', { reason });
    this.#wishes.add(reason, detectMs);
    if (this.#with.options.fresh) this.#quiesce();
    this.#attempt?.abort();
    this.#looping ??= this.#loop().finally(() => (this.#looping = undefined));
    await this.#looping;
  }

  /** A person has done something about it: what has crashed too often may start again. */
  forgetCrashes(): void {
    this.#crashes.reset();
  }

  /** Starts the standby that is missing; after a handover that is done in any case. */
  fillStandby(): void {
    if (!this.#attempt) this.#fillStandby();
  }

  /** Ends the handover that is under way; none follows. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    this.#attempt?.abort();
    await this.#looping;
  }

  /** The one loop that restarts: one handover at a time. */
  async #loop(): Promise<void> {
    while (!this.#wishes.isEmpty && !this.#isStopped) {
      // One that is begun before the standby is warm would only be superseded, and a worker lost.
      if (this.#wishes.isStream) await this.#warmStandby();
      if (this.#isStopped) break;
      const { wait } = this.#wishes;
      if (wait > 0) await delay(wait);
      else await this.#handOver(this.#wishes.take() as Wish);
    }
  }

  async #warmStandby(): Promise<void> {
    this.#fillStandby();
    await withTimeout(this.#with.workers.warmed(), LONGEST_WARM_UP, () => {});
  }

  async #handOver(wish: Wish): Promise<void> {
    const { reason, began, detectMs, isCold, wasKilled } = wish;
    const attempt = (this.#attempt = new AbortController());
    const old = this.#serving;
    const next = this.#with.workers.take({ isCold });
    const { worker } = next;
    this.#attempting = worker;
    const generation = this.#generation + 1;
    const unwatch = watchStart(worker, (step) => {
      // What a person does to it with a debugger the person knows.
      if (!this.#with.inspector?.isInUse) this.#with.emit('starting', { generation, pid: worker.pid, step });
    });
    const handover = new Handover({
      router: this.#with.router,
      retirements: this.#with.retirements,
      options: this.#with.options,
      inspector: this.#with.inspector,
      old,
      next,
      generation,
      state: this.#with.store.state,
      changed: this.#with.workers.changedImports(),
      signal: attempt.signal,
      began,
      detectMs,
      quiescedAt: this.#quiescedAt,
      wasKilled,
      onStep: (step, worker) => this.#onStep(step, worker),
      onState: (state, from) => this.#with.store.set(state, from),
      warn: (message) => this.#warn(message),
    });
    const result = await handover.run().finally(unwatch);
    this.#attempt = undefined;
    this.#attempting = undefined;
    switch (result.type) {
      case 'committed':
        this.#onCommitted(result, { next: worker, old }, [...reason]);
        break;
      case 'failed': {
        const isUnstarted = result.error.code === 'FORK_FAILED';
        // Of one after the other the first is told.
        if (!isUnstarted || !this.#isWithoutProcess) await this.#onFailed(result.error, worker, [...reason]);
        this.#isWithoutProcess = isUnstarted;
        if (isUnstarted) this.#wishes.retry(wish, {}, FORK_AGAIN);
        break;
      }
      case 'aborted':
        this.#wishes.giveBack(wish);
        this.#with.workers.giveBack(next);
        this.#with.emit('superseded', { generation });
        break;
      case 'misspeculated':
        this.#with.workers.exclude(result.misspeculation);
        this.#wishes.retry(wish, { isCold: true });
        return;
      case 'killed':
        this.#warn(
          `generation ${generation} was killed by ${result.signal} before it could serve: it is started again`,
        );
        this.#wishes.retry(wish, { wasKilled: true });
        break;
      default:
        result satisfies never;
    }
    if (result.type !== 'committed') this.#fillStandby();
  }

  #fillStandby(): void {
    if (!this.#isStopped) this.#with.workers.fillStandby();
  }

  #onStep(step: Step, worker: WorkerHandle): void {
    // In the same turn as the commit, so that a save or a crash from now on finds the new generation.
    if (step === 'committed') {
      this.#serving = worker;
      this.#generation = worker.generation;
      this.#failed = undefined;
      this.#quiescedAt = undefined;
      return;
    }
    this.#with.emit(step, { generation: worker.generation, pid: worker.pid });
  }

  #onCommitted(
    result: Extract<HandoverResult, { type: 'committed' }>,
    { next, old }: { next: WorkerHandle; old: WorkerHandle | undefined },
    reason: string[],
  ): void {
    const { phases, variables, pauseMs, totalMs, stateBytes, stateKeys } = result;
    const { generation, pid } = next;
    const { connections: held, longestMs: longestHoldMs } = this.#with.router.report;
    this.#isWithoutProcess = false;
    this.#changed = reason.filter((name) => path.isAbsolute(name));
    this.#watchServing(next);
    this.#with.workers.setServing(next, variables);
    this.#with.emit('committed', { generation, pid, totalMs, pauseMs, phases });
    const receipt = (connectionsMoved: number): void => {
      // Starting a process holds up this one for some milliseconds, and takes the processor from the new generation.
      const answered = delay(FIRST_REQUESTS, { ref: false });
      const settled = this.#with.router.settled();
      void settled.then(() => next.send({ type: 'all-moved' }));
      void Promise.all([settled, answered]).then(() => this.#fillStandby());
      this.#with.emit('receipt', {
        reason,
        generation,
        totalMs,
        phases,
        pauseMs,
        connectionsMoved,
        held,
        longestHoldMs,
        stateBytes,
        stateKeys,
      });
    };
    if (!old || old.exit) {
      receipt(result.connectionsMoved);
      return;
    }
    void old.waitFor(['moved']).then((message) => receipt(message.type === 'moved' ? message.connections : 0));
    void this.#with.retirements.retire(old, { type: 'drain', move: true, relay: true });
  }

  #watchServing(worker: WorkerHandle): void {
    this.#with.onFiles();
    this.#with.store.setWorkers([worker.pid]);
    worker.on(
      'checkpoint',
      (state) => worker === this.#serving && this.#with.store.setCheckpoint(state, worker.generation),
    );
    worker.once('ended', (exit) => this.#onEnded(worker, exit));
    if (worker.exit) this.#onEnded(worker, worker.exit);
  }

  async #onFailed(error: WireError, next: WorkerHandle, reason: string[]): Promise<void> {
    const serving = this.#serving?.generation;
    this.#failed = next;
    this.#quiescedAt = undefined;
    this.#reason = `${error.name}: ${error.message}`;
    this.#with.onFiles();
    this.#with.emit('rolledBack', {
      error,
      generation: next.generation,
      serving,
      reason,
      files: [...new Set([...next.loaded.files, this.#with.exec])],
    });
    // A state from an earlier run that this code refuses must not keep the app down.
    if (this.#generation === 0 && error.code === 'STATE_REJECTED' && this.#with.store.state) {
      await this.#with.store.reject();
      void this.request(['the snapshot was set aside']);
    }
  }

  #onEnded(worker: WorkerHandle, exit: WorkerExit): void {
    if (worker !== this.#serving) return;
    this.#serving = undefined;
    this.#lastExit = exit;
    this.#with.store.setWorkers([]);
    if (worker.isRetired) return;
    const { generation, lastError: error } = worker;
    this.#reason = error ? `${error.name}: ${error.message}` : `The app has ended: ${describeExit(exit)}.`;
    this.#failed = worker;
    if (exit.code === 0 && !this.#with.router.ports.isListening) {
      this.#with.emit('finished', { generation, ...exit });
      return;
    }
    const waits = this.#crashes.isLooping(performance.now());
    this.#with.emit('crashed', { generation, ...exit, error, waits });
    // A handover that is under way replaces it.
    if (!waits && !this.#attempt && !this.#isStopped) void this.request(['crash']);
  }

  /** `fresh`: from the change on the old code answers nothing more. */
  #quiesce(): void {
    if (!this.#serving || this.#quiescedAt !== undefined) return;
    this.#quiescedAt = performance.now();
    this.#with.router.hold();
    this.#serving.send({ type: 'quiesce' });
  }

  #warn(message: string): void {
    this.#with.emit('warning', { message });
  }
}
