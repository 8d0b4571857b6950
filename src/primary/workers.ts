import { realpathSync } from 'node:fs';
import type { AppRuntime, FileImports, Misspeculation, WorkerConfig } from '../protocol.ts';
import { DependencyWatcher } from '../watch/dependency-watcher.ts';
import { runtimeOf } from './app-runtime.ts';
import { Guardian } from './guardian.ts';
import { PreloadPlan, type PreloadMode } from './preload-plan.ts';
import { Standby } from './standby.ts';
import type { WarmUp } from './warm-up.ts';
import { WorkerHandle, type Program } from './worker-handle.ts';

export interface WorkersOptions {
  program: Program;
  config: WorkerConfig;
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
  warn: (message: string) => void;
}

/** All processes that run the app or are about to, and what they evaluate ahead of it. */
export class Workers {
  readonly #options: WorkersOptions;
  readonly #all = new Set<WorkerHandle>();
  readonly #guardian = new Guardian();
  readonly #plan: PreloadPlan;
  readonly #standby: Standby;
  readonly #dependencies: DependencyWatcher;
  #runtime: AppRuntime = { typescript: [], api: false };

  constructor(options: WorkersOptions) {
    const { program, standby, restartArgs, preload, project, pollInterval, onWarm, warn } = options;
    this.#options = options;
    this.#plan = new PreloadPlan(preload, realpathSync(program.exec));
    this.#standby = new Standby({
      fork: () => this.#fork(),
      size: standby,
      plan: this.#plan,
      restartArgs,
      runtime: () => this.#runtime,
      onWarm: (worker, preloaded) => {
        this.#dependencies.add(worker.loaded.read);
        onWarm(worker, preloaded);
      },
      tell: warn,
    });
    this.#dependencies = new DependencyWatcher({
      project,
      pollInterval,
      onChange: () => {
        this.#plan.forget();
        this.#standby.refreshAll();
      },
      onQuiet: options.onDependencies,
    });
  }

  async start(): Promise<void> {
    this.#guardian.start();
    this.#standby.fill();
    await this.#dependencies.start();
  }

  /** The worker for the next generation. `isCold`: one that has evaluated nothing ahead. */
  take({ isCold }: { isCold: boolean }): WarmUp {
    return isCold ? this.#standby.takeCold() : this.#standby.take();
  }

  /** Resolves when the worker that would be taken is as warm as it gets. */
  async warmed(): Promise<void> {
    await this.#standby.warmed();
  }

  /** It has not been needed after all. */
  giveBack(next: WarmUp): void {
    this.#standby.giveBack(next);
  }

  fillStandby(): void {
    this.#standby.fill();
  }

  /** Files of the app have changed. */
  noteChanged(files: readonly string[]): void {
    this.#plan.noteChanged(files);
    // A standby has looked for the files that are imported already.
    if (files.some((file) => this.#plan.knows(file) && hasMoved(file))) this.#standby.refreshAll();
    else this.#standby.refresh(files);
  }

  /** What changed files imported before: the next generation is to read them anew. */
  changedImports(): Record<string, FileImports> {
    return this.#plan.changed();
  }

  /** A generation serves. `variables`: those of the environment that it has set while it was loaded. */
  setServing({ loaded }: WorkerHandle, variables: readonly string[]): void {
    this.#plan.setServing(loaded, variables);
    this.#runtime = runtimeOf(loaded);
    this.#dependencies.add([...loaded.dependencies, ...loaded.read]);
  }

  /** What a worker had evaluated ahead was wrong: that does not happen twice. */
  exclude(misspeculation: Misspeculation): void {
    const message = this.#plan.exclude(misspeculation);
    if (message) this.#options.warn(message);
  }

  /** Ends all at once. */
  kill(): void {
    for (const worker of this.#all) worker.discard();
  }

  stopStandby(): void {
    this.#standby.stop();
  }

  async stop(): Promise<void> {
    await this.#dependencies.stop();
    this.#guardian.stop();
  }

  #fork(): WorkerHandle {
    const worker = new WorkerHandle(this.#options.program, this.#options.config);
    this.#all.add(worker);
    this.#guard();
    worker.on('message', (message) => {
      if (message.type === 'warning') this.#options.warn(message.message);
      else if (message.type === 'wants-cluster') this.#options.program.isOwn = true;
      else if (message.type === 'imports') this.#plan.learn(message.files);
    });
    worker.once('ended', () => {
      this.#all.delete(worker);
      this.#guard();
    });
    this.#options.onFork(worker);
    return worker;
  }

  #guard(): void {
    this.#guardian.watch([...this.#all].map(({ pid }) => pid));
  }
}

function hasMoved(file: string): boolean {
  try {
    return realpathSync.native(file) !== file;
  } catch {
    return true;
  }
}
