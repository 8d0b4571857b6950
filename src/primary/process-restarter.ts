import { EventEmitter } from 'node:events';
import path from 'node:path';
import { HandoverError } from '../errors.ts';
import { nearestPackage, resolveOptions, type HandoverOptions, type ResolvedOptions } from '../options.ts';
import type { WorkerConfig } from '../protocol.ts';
import { cacheFolder } from '../state/cache-folder.ts';
import { defaultSnapshotPath } from '../state/snapshot-path.ts';
import { FileChangeWatcher } from '../watch/file-change-watcher.ts';
import type { RestarterEvents } from './events.ts';
import { programOf, type RestartCommand } from './program.ts';
import { RestartLoop } from './restart-loop.ts';
import { retire } from './retire.ts';
import { Router } from './router.ts';
import { StateStore } from './state-store.ts';
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

const NOT_STARTED = 'The app has not started yet.';

/**
 * Restarts an app on every change as a whole new process, without its clients noticing. Owns the watcher, the
 * listening ports and the state, and runs in the primary, which never runs the app's code.
 */
export class ProcessRestarter extends EventEmitter<RestarterEvents> implements AsyncDisposable {
  readonly #options: ResolvedOptions;
  readonly #callbacks: RestarterCallbacks = {};
  readonly #router: Router;
  readonly #watcher: FileChangeWatcher;
  #program!: Program;
  #store!: StateStore;
  #workers!: Workers;
  #loop: RestartLoop | undefined;
  #started = false;
  #starting: Promise<void> | undefined;
  #stopping: Promise<WorkerExit | undefined> | undefined;

  /** Throws HandoverError UNKNOWN_OPTION or INVALID_OPTION. */
  constructor(options: ProcessRestarterOptions = {}) {
    super();
    this.#options = resolveOptions({ call: asHandoverOptions(options), place: 'new ProcessRestarter()' });
    const { holdTimeout, holdLimit, watch, ignore, poll } = this.#options;
    this.#router = new Router({ holdTimeout, holdLimit, reason: () => this.#loop?.reason ?? NOT_STARTED });
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
    return this.#loop?.serving?.generation;
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
      onDependencies: () => this.#loop?.fillStandby(),
      onWarm: ({ pid }, preloaded) => this.emit('standby', { pid, preloaded }),
      warn: (message) => this.#warn(message),
    });
    const loop = (this.#loop = new RestartLoop({
      options: this.#options,
      exec,
      router: this.#router,
      store: this.#store,
      workers: this.#workers,
      emit: (event, ...detail) => this.emit(event, ...(detail as never)),
      onFiles: () => this.#updateWatched(),
    }));
    // The first worker boots while the watchers start.
    const warmingUp = this.#workers.start();
    this.#updateWatched();
    await Promise.all([warmingUp, this.#watcher.start()]);
    if (this.#stopping) return;
    await loop.request([]);
  }

  /** Restarts as after a change. Resolves when the handover has ended, in whichever way. */
  async restart(reason = 'restart'): Promise<void> {
    if (!this.#started || this.#stopping) {
      throw new HandoverError(
        'WRONG_PROCESS',
        `restart(${JSON.stringify(reason)}) needs a started ProcessRestarter; call start() first`,
      );
    }
    if (!this.#loop) await this.#starting;
    this.#loop?.forgetCrashes();
    await this.#loop?.request([reason]);
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
    this.#loop?.serving?.kill(signal);
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
    if (this.#stopping || !this.#loop) return;
    this.#loop.forgetCrashes();
    this.#workers.noteChanged(files);
    void this.#loop.request(files, detectMs);
  }

  /** What is watched is what the app has loaded, and its entry. */
  #updateWatched(): void {
    const workers = this.#loop?.workers ?? [];
    const files = new Set(workers.flatMap(({ loaded }) => Array.from(loaded.files)));
    files.add(this.#program.exec);
    const loadedSince = Math.max(0, ...workers.map((worker) => worker.loadingSince));
    const existed = new Set(workers.flatMap(({ loaded }) => Array.from(loaded.imported)));
    this.#watcher.setLoadedFiles(files, loadedSince > 0 ? { loadedSince, existed } : {});
  }

  #onFork(worker: WorkerHandle): void {
    this.#router.attach(worker);
    worker.on('loaded', () => worker.generation > 0 && !this.#stopping && this.#updateWatched());
  }

  async #stop(signal: NodeJS.Signals | undefined): Promise<WorkerExit | undefined> {
    if (!this.#started) return undefined;
    const stopped = this.#loop?.stop();
    // What it throws, its caller learns.
    await this.#starting?.catch(() => {});
    await stopped;
    (this.#workers as Workers | undefined)?.stopStandby();
    await this.#watcher.stop();
    const serving = this.#loop?.serving;
    let exit = this.#loop?.lastExit;
    if (serving) {
      if (this.#options.persist) await this.#saveLast(serving);
      this.#router.stop();
      const retirement = await retire(
        serving,
        { type: 'drain', move: false, relay: false, ...(signal && { signal }) },
        this.#options,
      );
      exit = retirement.exit;
      const { generation, pid } = serving;
      this.emit('drained', { generation, pid, ended: retirement.ended, report: retirement.report });
    }
    this.#router.stop();
    await this.#loop?.drained();
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
