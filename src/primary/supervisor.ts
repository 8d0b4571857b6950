import path from 'node:path';
import type { HandoverError } from '../errors.ts';
import type { ResolvedOptions } from '../options/handover-options.ts';
import { nearestPackage } from '../options/package-json.ts';
import type { WorkerConfig } from '../protocol.ts';
import { cacheFolder } from '../state/cache-folder.ts';
import { defaultSnapshotPath } from '../state/snapshot-path.ts';
import { FileChangeWatcher } from '../watch/file-change-watcher.ts';
import type { RestarterEvents } from './events.ts';
import type { RestarterCallbacks } from './process-restarter.ts';
import type { Program } from './fork.ts';
import type { Inspector } from './inspector/inspector.ts';
import { programOf } from './program.ts';
import { RestartLoop } from './restart-loop.ts';
import { Retirements } from './retirements.ts';
import { Router } from './router.ts';
import { StateStore } from './state-store.ts';
import type { WorkerExit, WorkerHandle } from './worker-handle.ts';
import { Workers } from './workers.ts';

type Emit = <E extends keyof RestarterEvents>(event: E, ...detail: RestarterEvents[E]) => void;

const NOT_STARTED = 'The app has not started yet.';

/**
 * What a ProcessRestarter sets to work: the watcher, the listening ports, the state and the workers, from their start to
 * their stop.
 */
export class Supervisor {
  readonly #options: ResolvedOptions;
  readonly #callbacks: RestarterCallbacks;
  readonly #emit: Emit;
  readonly #liveReload: string | false;
  readonly #router: Router;
  readonly #retirements: Retirements;
  readonly #watcher: FileChangeWatcher;
  #program: Program | undefined;
  #store: StateStore | undefined;
  #workers: Workers | undefined;
  #loop: RestartLoop | undefined;
  #inspector: Inspector | undefined;
  #isStopping = false;

  /** `liveReload`: the script for the app's pages, as in WorkerConfig. */
  constructor(options: ResolvedOptions, callbacks: RestarterCallbacks, emit: Emit, liveReload: string | false = false) {
    this.#options = options;
    this.#liveReload = liveReload;
    this.#callbacks = callbacks;
    this.#emit = emit;
    const { holdTimeout, holdLimit, watch, ignore, poll } = this.#options;
    this.#router = new Router({ holdTimeout, holdLimit, reason: () => this.#loop?.reason ?? NOT_STARTED });
    this.#retirements = new Retirements({ timeouts: options, emit });
    this.#watcher = new FileChangeWatcher({
      watchPaths: watch,
      ignorePatterns: ignore,
      ...(poll !== false && { pollInterval: poll }),
    });
    this.#watcher.setChangeCallback((files, detectMs) => this.#onChange(files, detectMs));
    this.#watcher.setErrorCallback((error) => this.#warn(error.message));
  }

  /** The generation that serves; undefined: none. */
  get generation(): number | undefined {
    return this.#loop?.serving?.generation;
  }

  get url(): string | undefined {
    return this.#router.ports.url;
  }

  /** Whether it can be told to restart. */
  get isRunning(): boolean {
    return this.#loop !== undefined;
  }

  /** Resolves when the first generation serves or has failed, or endLoop() was called meanwhile. */
  async start(): Promise<void> {
    const { execArgv, preload, restartArgs, standby, poll } = this.#options;
    const imports = Array.isArray(preload) ? preload.flatMap((name) => ['--import', name]) : [];
    const program = (this.#program = programOf(this.#callbacks.restartCommand, [...execArgv, ...imports]));
    const { exec } = program;
    const ownPackage = nearestPackage(exec);
    const appVersion = ownPackage?.version ?? '';
    const store = await this.#openStore(exec, appVersion);
    await this.#openInspector(exec);
    // endLoop() may have been called meanwhile: here and below.
    if (this.#isStopping) {
      this.#inspector?.close();
      return;
    }
    const workers = (this.#workers = new Workers({
      program,
      config: this.#configOf(store, exec, appVersion),
      project: path.dirname(ownPackage?.file ?? exec),
      standby,
      restartArgs,
      preload: Array.isArray(preload) ? false : preload,
      pollInterval: poll === false ? undefined : poll,
      onFork: (worker) => this.#onFork(worker),
      onDependencies: () => this.#loop?.fillStandby(),
      onWarm: ({ pid }, preloaded) => this.#emit('standby', { pid, preloaded }),
      onWarming: ({ pid }, evaluates) => this.#emit('warming', { pid, evaluates }),
      warn: (message) => this.#warn(message),
    }));
    const loop = (this.#loop = new RestartLoop({
      options: this.#options,
      exec,
      router: this.#router,
      retirements: this.#retirements,
      store,
      workers,
      inspector: this.#inspector,
      emit: (event, ...detail) => this.#emit(event, ...(detail as never)),
      onFiles: () => this.#updateWatched(),
    }));
    // The first worker boots while the watchers start.
    const warmingUp = workers.start();
    this.#updateWatched();
    await Promise.all([warmingUp, this.#watcher.start()]);
    if (this.#isStopping) return;
    await loop.request([]);
  }

  async restart(reason: string): Promise<void> {
    this.#loop?.forgetCrashes();
    await this.#loop?.request([reason]);
  }

  /** Ends every worker at once. */
  kill(): void {
    this.#workers?.kill();
  }

  /** Passes a signal on to the app. */
  signal(signal: NodeJS.Signals): void {
    this.#loop?.serving?.kill(signal);
  }

  get #inspectorAddress(): string | false {
    return this.#options.inspectBrk || this.#options.inspect;
  }

  async #openInspector(exec: string): Promise<void> {
    const address = this.#inspectorAddress;
    if (address === false) return;
    const { Inspector } = await import('./inspector/inspector.ts');
    this.#inspector = await Inspector.open({
      address,
      exec,
      breaks: this.#options.inspectBrk !== false,
      onWait: (generation) => this.#emit('waitsForDebugger', { generation }),
    });
    this.#emit('inspector', { url: this.#inspector.url });
  }

  async #openStore(exec: string, appVersion: string): Promise<StateStore> {
    const { snapshot, persist, checkpointInterval } = this.#options;
    const { saveState, loadState } = this.#callbacks;
    this.#store = new StateStore({
      file: this.#snapshotFile(exec),
      isChosen: snapshot !== undefined,
      persist,
      interval: checkpointInterval,
      appVersion,
      saveState,
      loadState,
      warn: (message, error) => this.#warn(message, error),
    });
    await this.#store.open();
    return this.#store;
  }

  #snapshotFile(exec: string): string | false {
    return this.#options.snapshot ?? defaultSnapshotPath(exec);
  }

  /** What each worker is told at its birth. */
  #configOf({ run }: StateStore, exec: string, appVersion: string): Omit<WorkerConfig, 'token'> {
    const { quiesceTimeout, drainTimeout, shutdownTimeout } = this.#options;
    const folder = cacheFolder(exec);
    return {
      quiesceTimeout,
      drainTimeout,
      shutdownTimeout,
      snapshot: this.#snapshotFile(exec),
      run,
      appVersion,
      compileCache: folder !== undefined && path.join(folder, 'compile-cache'),
      inspect: this.#inspectorAddress !== false,
      liveReload: this.#liveReload,
    };
  }

  #onChange(files: string[], detectMs: number): void {
    if (this.#isStopping || !this.#loop) return;
    this.#loop.forgetCrashes();
    this.#workers?.noteChanged(files);
    void this.#loop.request(files, detectMs);
  }

  /**
   * What is watched is what the app has loaded, its entry, and the files that its variables come from. What has changed stays
   * watched until it is loaded again: else it would be taken for a file that has changed since the load began.
   */
  #updateWatched(): void {
    const workers = this.#loop?.workers ?? [];
    const files = new Set(workers.flatMap(({ loaded }) => Array.from(loaded.files)));
    for (const file of this.#loop?.changed ?? []) files.add(file);
    if (this.#program) for (const file of [this.#program.exec, ...this.#program.envFiles]) files.add(file);
    const loadedSince = Math.max(0, ...workers.map((worker) => worker.loadingSince));
    const existed = new Set(workers.flatMap(({ loaded }) => Array.from(loaded.imported)));
    this.#watcher.setLoadedFiles(files, loadedSince > 0 ? { loadedSince, existed } : {});
  }

  #onFork(worker: WorkerHandle): void {
    this.#router.attach(worker);
    worker.on('message', ({ type }) => type === 'reads-input' && this.#emit('readsInput', { pid: worker.pid }));
    worker.on('loaded', () => worker.generation > 0 && !this.#isStopping && this.#updateWatched());
  }

  /** No restart begins from now on; resolves when the one under way has ended. */
  async endLoop(): Promise<void> {
    this.#isStopping = true;
    // A process that is paused could not end.
    this.#inspector?.close();
    await this.#loop?.stop();
  }

  /** To be called after endLoop(), when start() is through. Resolves with how the app ended. */
  async stop(signal: NodeJS.Signals | undefined): Promise<WorkerExit | undefined> {
    this.#workers?.stopStandby();
    await this.#watcher.stop();
    const serving = this.#loop?.serving;
    let exit = this.#loop?.lastExit;
    if (serving) {
      if (this.#options.persist) await this.#saveLast(serving);
      this.#router.stop();
      const drain = { type: 'drain', move: false, relay: false, ...(signal && { signal }) } as const;
      ({ exit } = await this.#retirements.retire(serving, drain));
    }
    this.#router.stop();
    await this.#retirements.ended();
    await this.#store?.close();
    await this.#workers?.stop();
    return exit;
  }

  /** `persist`: the state as it is at the end. */
  async #saveLast(serving: WorkerHandle): Promise<void> {
    const { quiesceTimeout, readyTimeout } = this.#options;
    serving.send({ type: 'quiesce' });
    const id = serving.capture();
    const captured = await serving.waitFor(['captured', 'capture-failed'], {
      timeout: quiesceTimeout + readyTimeout,
      passes: (message) => message.id === id,
    });
    const arrived = captured.type === 'captured' && captured.blob ? await serving.takeState(id) : undefined;
    if (arrived) {
      this.#store?.set(arrived.state, serving.generation);
      arrived.state.release();
    }
    if (!arrived && !(captured.type === 'captured' && !captured.blob))
      this.#warn('the state could not be captured at the end: the last checkpoint is kept');
  }

  #warn(message: string, error?: HandoverError): void {
    this.#emit('warning', { message, ...(error && { error }) });
  }
}
