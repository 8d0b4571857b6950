import { EventEmitter } from 'node:events';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { HandoverError } from '../errors.ts';
import { nearestPackage, resolveOptions, type HandoverOptions, type ResolvedOptions } from '../options.ts';
import type { WireError, WorkerConfig } from '../protocol.ts';
import { cacheFolder } from '../state/cache-folder.ts';
import { defaultSnapshotPath } from '../state/snapshot-path.ts';
import { FileChangeWatcher } from '../watch/file-change-watcher.ts';
import { CrashLoop } from './crash-loop.ts';
import type { RestarterEvents, Step } from './events.ts';
import { describeExit, Handover, type HandoverResult } from './handover.ts';
import { programOf, type RestartCommand } from './program.ts';
import { retire, type Retirement } from './retire.ts';
import { Router } from './router.ts';
import { StateStore } from './state-store.ts';
import { Wishes, type Wish } from './wishes.ts';
import type { Program, WorkerExit, WorkerHandle } from './worker-handle.ts';
import { Workers } from './workers.ts';

export interface ProcessRestarterOptions extends Omit<HandoverOptions, 'watch' | 'ignore'> {
  /** Files and folders to watch besides what the app loads. */
  watchPaths?: string[];
  /** Patterns, as in .gitignore, of files whose changes don't matter. */
  ignorePatterns?: string[];
}

export interface RestarterCallbacks {
  /** Sees every state that a generation hands over, as opaque bytes. */
  saveState?: (blob: Buffer) => unknown;
  /** Supplies the state of the first boot. */
  loadState?: () => Buffer | null | undefined | Promise<Buffer | null | undefined>;
  /** The program of a worker. Default: the program of this process. */
  restartCommand?: RestartCommand;
}

/** For so long the first requests have the processor for themselves: they meet code that has not run yet. In milliseconds. */
const FIRST_REQUESTS = 25;

/** In a stream of changes a standby that is nearly warm is waited for, at most so long, in milliseconds. */
const LONGEST_WARM_UP = 300;

/**
 * Restarts an app on every change as a whole new process, without its clients noticing. Owns the watcher, the
 * listening ports and the state, and runs in the primary, which never runs the app's code.
 */
export class ProcessRestarter extends EventEmitter<RestarterEvents> implements AsyncDisposable {
  readonly #options: ResolvedOptions;
  readonly #callbacks: RestarterCallbacks = {};
  readonly #crashes = new CrashLoop();
  readonly #retirements = new Set<Promise<Retirement>>();
  readonly #router: Router;
  readonly #watcher: FileChangeWatcher;
  readonly #wishes: Wishes;
  #program!: Program;
  #store!: StateStore;
  #workers!: Workers;
  #serving: WorkerHandle | undefined;
  #generation = 0;
  #attempt: AbortController | undefined;
  #looping: Promise<void> | undefined;
  /** `fresh`: since when nothing is served because of a change. */
  #quiescedAt: number | undefined;
  #failed: WorkerHandle | undefined;
  #reason = 'The app has not started yet.';
  #started = false;
  #starting: Promise<void> | undefined;
  #stopping: Promise<WorkerExit | undefined> | undefined;
  #lastExit: WorkerExit | undefined;

  /** Throws HandoverError UNKNOWN_OPTION or INVALID_OPTION. */
  constructor(options: ProcessRestarterOptions = {}) {
    super();
    this.#options = resolveOptions({ call: asHandoverOptions(options), place: 'new ProcessRestarter()' });
    const { holdTimeout, holdLimit, watch, ignore, poll, restartDelay } = this.#options;
    this.#router = new Router({ holdTimeout, holdLimit, reason: () => this.#reason });
    this.#wishes = new Wishes(restartDelay);
    this.#watcher = new FileChangeWatcher({
      watchPaths: watch,
      ignorePatterns: ignore,
      ...(poll !== false && { pollInterval: poll }),
    });
    this.#watcher.setChangeCallback((files, detectMs) => this.#onChange(files, detectMs));
    this.#watcher.setErrorCallback((error) => this.#warn(error.message));
  }

  /** To be called before start(). */
  setCallbacks(callbacks: RestarterCallbacks): this {
    Object.assign(this.#callbacks, callbacks);
    return this;
  }

  /** The generation that serves; undefined: none. */
  get generation(): number | undefined {
    return this.#serving?.generation;
  }

  /**
   * Starts the first generation and begins to watch. Resolves when it serves, or has failed and the next save is
   * awaited (see the events). Throws when a primary for the same project runs already.
   */
  async start(): Promise<void> {
    if (this.#started)
      throw new HandoverError(
        'ALREADY_STARTED',
        'start() was called twice on this ProcessRestarter; make a new one after stop()',
      );
    this.#started = true;
    this.#starting = this.#start();
    await this.#starting;
  }

  async #start(): Promise<void> {
    const { execArgv, preload, restartArgs, standby, poll } = this.#options;
    const imports = Array.isArray(preload) ? preload.flatMap((name) => ['--import', name]) : [];
    this.#program = programOf(this.#callbacks.restartCommand, [...execArgv, ...imports]);
    const { exec } = this.#program;
    const ownPackage = nearestPackage(exec);
    const config = await this.#openStore(ownPackage?.version ?? '');
    // stop() may have been called meanwhile: here and below.
    if (this.#stopping) return;
    this.#workers = new Workers({
      program: this.#program,
      config,
      project: path.dirname(ownPackage?.file ?? exec),
      standby,
      restartArgs,
      preload: Array.isArray(preload) ? false : preload,
      pollInterval: poll === false ? undefined : poll,
      onFork: (worker) => this.#onFork(worker),
      onDependencies: () => {
        // After a handover it is filled in any case.
        if (!this.#attempt) this.#fillStandby();
      },
      onWarm: ({ pid }, preloaded) => this.emit('standby', { pid, preloaded }),
      warn: (message) => this.#warn(message),
    });
    // The first worker boots while the watchers start.
    const warmingUp = this.#workers.start();
    this.#updateWatched();
    await Promise.all([warmingUp, this.#watcher.start()]);
    if (this.#stopping) return;
    this.#request([]);
    await this.#looping;
  }

  /** Restarts as after a change. Resolves when the handover has ended, in whichever way. */
  async restart(reason = 'restart'): Promise<void> {
    if (!this.#started || this.#stopping) {
      throw new HandoverError(
        'WRONG_PROCESS',
        `restart(${JSON.stringify(reason)}) needs a started ProcessRestarter; call start() first`,
      );
    }
    this.#crashes.reset();
    this.#request([reason]);
    await this.#looping;
  }

  /**
   * Stops the app gracefully and everything of ours with it. `signal`: the one that asked for it, which an app that
   * handles it hears. Resolves with how the app ended.
   */
  stop(signal?: NodeJS.Signals): Promise<WorkerExit | undefined> {
    this.#stopping ??= this.#stop(signal);
    return this.#stopping;
  }

  /** Ends every worker at once. */
  kill(): void {
    (this.#workers as Workers | undefined)?.kill();
  }

  /** Passes a signal on to the app. */
  signal(signal: NodeJS.Signals): void {
    this.#serving?.kill(signal);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  async #openStore(appVersion: string): Promise<WorkerConfig> {
    const { snapshot, persist, checkpointInterval, quiesceTimeout, drainTimeout, shutdownTimeout } = this.#options;
    const file = snapshot ?? defaultSnapshotPath(this.#program.exec);
    const { saveState, loadState } = this.#callbacks;
    this.#store = new StateStore({
      file,
      isChosen: snapshot !== undefined,
      persist,
      interval: checkpointInterval,
      appVersion,
      saveState,
      loadState,
      warn: (message, error) => this.#warn(message, error),
    });
    await this.#store.open();
    const folder = cacheFolder(this.#program.exec);
    const compileCache = folder !== undefined && path.join(folder, 'compile-cache');
    const { run } = this.#store;
    return { quiesceTimeout, drainTimeout, shutdownTimeout, snapshot: file, run, appVersion, compileCache };
  }

  #onChange(files: string[], detectMs: number): void {
    if (this.#stopping) return;
    this.#crashes.reset();
    this.#workers.noteChanged(files);
    this.#request(files, detectMs);
  }

  /** What is watched is what the serving generation has loaded, and what a failed one was about to load. */
  #updateWatched(): void {
    const workers = [this.#serving, this.#failed, this.#attempting].filter((worker) => worker !== undefined);
    const files = new Set(workers.flatMap(({ loaded }) => Array.from(loaded.files)));
    files.add(this.#program.exec);
    const loadedSince = Math.max(0, ...workers.map((worker) => worker.loadingSince));
    const existed = new Set(workers.flatMap(({ loaded }) => Array.from(loaded.imported)));
    this.#watcher.setLoadedFiles(files, loadedSince > 0 ? { loadedSince, existed } : {});
  }

  #attempting: WorkerHandle | undefined;

  /** Every restart begins here: a change during a handover supersedes it, so that the last one always wins. */
  #request(reason: string[], detectMs = 0): void {
    this.emit('change', { reason });
    this.#wishes.add(reason, detectMs);
    if (this.#options.fresh) this.#quiesce();
    this.#attempt?.abort();
    this.#looping ??= this.#loop().finally(() => (this.#looping = undefined));
  }

  /** The one loop that restarts: one handover at a time. */
  async #loop(): Promise<void> {
    while (!this.#wishes.isEmpty && !this.#stopping) {
      // One that is begun before the standby is warm would only be superseded, and a worker lost.
      if (this.#wishes.isStream) await this.#warmStandby();
      const { wait } = this.#wishes;
      if (wait > 0) await delay(wait);
      else await this.#handOver(this.#wishes.take() as Wish);
    }
  }

  async #warmStandby(): Promise<void> {
    this.#fillStandby();
    await Promise.race([this.#workers.warmed(), delay(LONGEST_WARM_UP)]);
  }

  async #handOver(wish: Wish): Promise<void> {
    const { reason, began, detectMs, isCold } = wish;
    const attempt = (this.#attempt = new AbortController());
    const old = this.#serving;
    const next = this.#workers.take({ isCold });
    const { worker } = next;
    this.#attempting = worker;
    const generation = this.#generation + 1;
    const result = await new Handover({
      router: this.#router,
      options: this.#options,
      old,
      next,
      generation,
      state: this.#store.state,
      changed: this.#workers.changedImports(),
      signal: attempt.signal,
      began,
      detectMs,
      quiescedAt: this.#quiescedAt,
      onStep: (step, worker) => this.#onStep(step, worker),
      onState: (state, from) => this.#store.set(state, from),
      warn: (message) => this.#warn(message),
    }).run();
    this.#attempt = undefined;
    this.#attempting = undefined;
    switch (result.type) {
      case 'committed':
        this.#onCommitted(result, worker, old, [...reason]);
        break;
      case 'failed':
        await this.#onFailed(result.error, worker, [...reason]);
        break;
      case 'aborted':
        this.#wishes.giveBack(wish);
        this.#workers.giveBack(next);
        this.emit('superseded', { generation });
        break;
      case 'misspeculated':
        this.#workers.exclude(result.misspeculation);
        this.#wishes.retry(wish, { isCold: true });
        return;
      default:
        result satisfies never;
    }
    if (result.type !== 'committed') this.#fillStandby();
  }

  #fillStandby(): void {
    if (!this.#stopping) this.#workers.fillStandby();
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
    this.emit(step, { generation: worker.generation, pid: worker.pid });
  }

  #onCommitted(
    { phases, variables, pauseMs, totalMs, stateBytes }: Extract<HandoverResult, { type: 'committed' }>,
    next: WorkerHandle,
    old: WorkerHandle | undefined,
    reason: string[],
  ): void {
    const { generation, pid } = next;
    const { connections: held, longestMs: longestHoldMs } = this.#router.report;
    this.#watchServing(next);
    this.#workers.setServing(next, variables);
    this.emit('committed', { generation, pid, totalMs, pauseMs, phases });
    const receipt = (connectionsMoved: number): void => {
      // Starting a process holds up this one for some milliseconds, and takes the processor from the new generation.
      const answered = delay(FIRST_REQUESTS, undefined, { ref: false });
      void Promise.all([this.#router.settled(), answered]).then(() => this.#fillStandby());
      this.emit('receipt', {
        reason,
        generation,
        totalMs,
        phases,
        pauseMs,
        connectionsMoved,
        held,
        longestHoldMs,
        stateBytes,
      });
    };
    if (old && !old.exit) void this.#retire(old, receipt);
    else receipt(0);
  }

  #watchServing(worker: WorkerHandle): void {
    this.#updateWatched();
    this.#store.setWorkers([worker.pid]);
    worker.on('checkpoint', (state) => worker === this.#serving && this.#store.setCheckpoint(state, worker.generation));
    worker.once('ended', (exit) => this.#onEnded(worker, exit));
    if (worker.exit) this.#onEnded(worker, worker.exit);
  }

  async #retire(old: WorkerHandle, receipt: (moved: number) => void): Promise<void> {
    void old.waitFor(['moved']).then((message) => receipt(message.type === 'moved' ? message.connections : 0));
    const retirement = retire(old, { type: 'drain', move: true }, this.#options);
    this.#retirements.add(retirement);
    const { ended, report } = await retirement;
    this.#retirements.delete(retirement);
    this.emit('drained', { generation: old.generation, pid: old.pid, ended, report });
  }

  async #onFailed(error: WireError, next: WorkerHandle, reason: string[]): Promise<void> {
    const serving = this.#serving?.generation;
    this.#failed = next;
    this.#quiescedAt = undefined;
    this.#reason = `${error.name}: ${error.message}`;
    this.#updateWatched();
    this.emit('rolledBack', {
      error,
      generation: next.generation,
      serving,
      reason,
      files: [...new Set([...next.loaded.files, this.#program.exec])],
    });
    // A state from an earlier run that this code refuses must not keep the app down.
    if (this.#generation === 0 && error.code === 'STATE_REJECTED' && this.#store.state) {
      await this.#store.reject();
      this.#request(['the snapshot was set aside']);
    }
  }

  #onEnded(worker: WorkerHandle, exit: WorkerExit): void {
    if (worker !== this.#serving) return;
    this.#serving = undefined;
    this.#lastExit = exit;
    this.#store.setWorkers([]);
    if (worker.isRetired) return;
    const { generation, lastError: error } = worker;
    this.#reason = error ? `${error.name}: ${error.message}` : `The app has ended: ${describeExit(exit)}.`;
    this.#failed = worker;
    if (exit.code === 0 && !this.#router.isListening) {
      this.emit('finished', { generation, ...exit });
      return;
    }
    const waits = this.#crashes.isLooping(performance.now());
    this.emit('crashed', { generation, ...exit, error, waits });
    // A handover that is under way replaces it.
    if (!waits && !this.#attempt && !this.#stopping) this.#request(['crash']);
  }

  /** `fresh`: from the change on the old code answers nothing more. */
  #quiesce(): void {
    if (!this.#serving || this.#quiescedAt !== undefined) return;
    this.#quiescedAt = performance.now();
    this.#router.hold();
    this.#serving.send({ type: 'quiesce' });
  }

  #onFork(worker: WorkerHandle): void {
    this.#router.attach(worker);
    worker.on('loaded', () => worker.generation > 0 && !this.#stopping && this.#updateWatched());
  }

  async #stop(signal: NodeJS.Signals | undefined): Promise<WorkerExit | undefined> {
    if (!this.#started) return undefined;
    this.#attempt?.abort();
    // What it throws, its caller learns.
    await this.#starting?.catch(() => {});
    await this.#looping;
    (this.#workers as Workers | undefined)?.stopStandby();
    await this.#watcher.stop();
    const serving = this.#serving;
    let exit = this.#lastExit;
    if (serving) {
      if (this.#options.persist) await this.#saveLast(serving);
      this.#router.stop();
      const retirement = await retire(
        serving,
        { type: 'drain', move: false, ...(signal && { signal }) },
        this.#options,
      );
      exit = retirement.exit;
      const { generation, pid } = serving;
      this.emit('drained', { generation, pid, ended: retirement.ended, report: retirement.report });
    }
    this.#router.stop();
    await Promise.all(this.#retirements);
    await (this.#store as StateStore | undefined)?.close();
    await (this.#workers as Workers | undefined)?.stop();
    this.emit('stopped');
    return exit;
  }

  /** `persist`: the state as it is at the end. */
  async #saveLast(serving: WorkerHandle): Promise<void> {
    const { quiesceTimeout, readyTimeout } = this.#options;
    serving.send({ type: 'quiesce' });
    const id = serving.capture();
    const captured = await serving.waitFor(['captured', 'capture-failed'], { timeout: quiesceTimeout + readyTimeout });
    const arrived = captured.type === 'captured' && captured.blob ? await serving.takeState(id) : undefined;
    if (arrived) {
      this.#store.set(arrived.state, serving.generation);
      arrived.state.release();
    }
    if (!arrived && !(captured.type === 'captured' && !captured.blob))
      this.#warn('the state could not be captured at the end: the last checkpoint is kept');
  }

  #warn(message: string, error?: HandoverError): void {
    this.emit('warning', { message, ...(error && { error }) });
  }
}

function asHandoverOptions({ watchPaths, ignorePatterns, ...rest }: ProcessRestarterOptions): HandoverOptions {
  return { ...rest, ...(watchPaths && { watch: watchPaths }), ...(ignorePatterns && { ignore: ignorePatterns }) };
}
