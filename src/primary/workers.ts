import { randomBytes } from 'node:crypto';
import { realpathSync } from 'node:fs';
import type { AppRuntime, FileImports, Misspeculation, WorkerConfig } from '../protocol.ts';
import { DependencyWatcher } from '../watch/dependency-watcher.ts';
import { Manifests } from '../watch/manifests.ts';
import { tsconfigsOf } from '../watch/tsconfigs.ts';
import { runtimeOf } from './app-runtime.ts';
import { forkWorker, type Program } from './fork.ts';
import { Guardian } from './guardian.ts';
import { PreloadPlan, type PreloadMode } from './preload-plan.ts';
import { Standbys } from './standbys.ts';
import type { StandbyHandle } from './standby-handle.ts';
import { WorkerHandle } from './worker-handle.ts';

export interface WorkersOptions {
  program: Program;
  config: Omit<WorkerConfig, 'token'>;
  /** The folder of the app's package.json. */
  project: string;
  standby: number;
  restartArgs: string[];
  preload: PreloadMode;
  pollInterval: number | undefined;
  /** A worker was started. */
  onFork: (worker: WorkerHandle) => void;
  /** The dependencies have changed, and a standby is missing. */
  onDependencies: () => void;
  /** A standby waits, as warm as it gets. */
  onWarm: (worker: WorkerHandle, preloaded: string[]) => void;
  /** A standby takes long to become warm, and evaluates this package just now. */
  onWarming: (worker: WorkerHandle, evaluates: string | undefined) => void;
  warn: (message: string) => void;
}

/** Whether what a worker has started can be told by its mark. */
const MARKS = process.platform === 'linux';

/** All processes that run the app or are about to, and what they evaluate ahead of it. */
export class Workers {
  readonly #options: WorkersOptions;
  readonly #all = new Set<WorkerHandle>();
  /** Those that have ended, but maybe not all of the processes that they had started. */
  readonly #ending = new Map<WorkerHandle, Promise<unknown>>();
  readonly #guardian: Guardian;
  #forked = 0;
  readonly #plan: PreloadPlan;
  readonly #standbys: Standbys;
  readonly #dependencies: DependencyWatcher;
  readonly #manifests = new Manifests();
  /** Those that matter, until a dependency or one of them has changed; undefined: they are not known. */
  #tsconfigs: ReadonlySet<string> | undefined;
  #runtime: AppRuntime = { typescript: [], api: false };

  constructor(options: WorkersOptions) {
    const { program, config, standby, restartArgs, preload, project, pollInterval, onWarm, warn } = options;
    this.#options = options;
    this.#guardian = new Guardian({ mark: config.run, shutdownTimeout: config.shutdownTimeout });
    this.#plan = new PreloadPlan(preload, realpathSync(program.exec));
    this.#standbys = new Standbys({
      fork: () => this.#fork(),
      size: standby,
      plan: this.#plan,
      restartArgs,
      runtime: () => this.#runtime,
      onWarm: (worker, preloaded) => {
        this.#dependencies.add(worker.loaded.read);
        onWarm(worker, preloaded);
      },
      onWarming: options.onWarming,
      tell: warn,
    });
    this.#dependencies = new DependencyWatcher({
      project,
      pollInterval,
      onChange: () => {
        this.#tsconfigs = undefined;
        this.#plan.forget();
        this.#standbys.refreshAll();
      },
      onQuiet: options.onDependencies,
    });
  }

  async start(): Promise<void> {
    this.#guardian.start();
    this.#standbys.fill();
    await this.#dependencies.start();
  }

  /** The worker for the next generation. `isCold`: one that has evaluated nothing ahead. */
  take({ isCold }: { isCold: boolean }): StandbyHandle {
    return isCold ? this.#standbys.takeCold() : this.#standbys.take();
  }

  /** Resolves when the worker that would be taken is as warm as it gets. */
  async warmed(): Promise<void> {
    await this.#standbys.warmed();
  }

  /** It has not been needed after all. */
  giveBack(next: StandbyHandle): void {
    this.#standbys.giveBack(next);
  }

  fillStandby(): void {
    this.#standbys.fill();
  }

  /** Files of the app have changed. */
  noteChanged(files: readonly string[]): void {
    this.#plan.imports.noteChanged(files);
    // A standby has looked for the files that are imported already.
    if (files.some((file) => this.#plan.imports.has(file) && hasMoved(file))) this.#standbys.refreshAll();
    else this.#standbys.refresh(files);
  }

  /** What changed files imported before: the next generation is to read them anew. */
  changedImports(): Record<string, FileImports> {
    return this.#plan.imports.changed();
  }

  /** A generation serves. `variables`: those of the environment that it has set while it was loaded. */
  setServing({ loaded }: WorkerHandle, variables: readonly string[]): void {
    this.#plan.setServing(loaded, variables);
    this.#runtime = runtimeOf(loaded);
    this.#dependencies.add([...loaded.dependencies, ...loaded.read, ...this.#manifests.of(loaded.files)]);
    if (this.#runtime.typescript.length === 0 || this.#tsconfigs) return;
    this.#tsconfigs = tsconfigsOf(this.#options.project);
    this.#dependencies.add(this.#tsconfigs);
  }

  /** What a worker had evaluated ahead was wrong: that does not happen twice. */
  exclude(misspeculation: Misspeculation): void {
    const message = this.#plan.exclude(misspeculation);
    if (message) this.#options.warn(message);
  }

  /** Ends all at once. */
  kill(): void {
    for (const worker of this.#all) worker.discard();
    for (const worker of [...this.#all, ...this.#ending.keys()]) worker.tree.kill();
  }

  stopStandby(): void {
    this.#standbys.stop();
  }

  async stop(): Promise<void> {
    await this.#dependencies.stop();
    await Promise.all(this.#ending.values());
    this.#guardian.stop();
  }

  #fork(): WorkerHandle {
    const { program, config } = this.#options;
    const mark = `${config.run}-${++this.#forked}`;
    const token = randomBytes(8).toString('hex');
    const worker = new WorkerHandle(forkWorker(program, { ...config, token }, mark), { mark, token });
    worker.loaded.addRead(program.envFiles);
    this.#all.add(worker);
    this.#guard();
    worker.on('message', (message) => {
      if (message.type === 'warning') this.#options.warn(message.message);
      else if (message.type === 'wants-cluster') this.#options.program.isOwn = true;
      else if (message.type === 'imports') this.#plan.imports.learn(message.files);
      else if (message.type === 'children') this.#guard();
    });
    worker.once('ended', () => {
      this.#all.delete(worker);
      this.#guard();
      const ended = worker.tree.end(config.shutdownTimeout).finally(() => this.#ending.delete(worker));
      this.#ending.set(worker, ended);
    });
    this.#options.onFork(worker);
    return worker;
  }

  #guard(): void {
    const started = [...this.#all].filter(({ pid }) => pid > 0);
    this.#guardian.watch(started.flatMap(({ pid, tree }) => [pid, ...(MARKS ? [] : tree.children)]));
  }
}

function hasMoved(file: string): boolean {
  try {
    return realpathSync.native(file) !== file;
  } catch {
    return true;
  }
}
