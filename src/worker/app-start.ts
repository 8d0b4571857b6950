import { realpathSync } from 'node:fs';
// The global of this name is loaded at its first use, which takes milliseconds.
import { performance } from 'node:perf_hooks';
import { pathToFileURL } from 'node:url';
import { HandoverError } from '../errors.ts';
import type { MessageOf, MessageToWorker, Phases, StartStep } from '../protocol.ts';
import type { AppSteps } from './app-host.ts';
import type { KeepStore } from './keep/keep-store.ts';
import { callState } from './primary-calls.ts';

type Load = MessageOf<MessageToWorker, 'load'>;

export interface AppStartOptions {
  keeps: KeepStore;
  /** It could serve. */
  onReady: () => void;
  /** It could not be loaded or started. */
  onFailed: (error: unknown) => void;
}

/** The app's way from its entry until it could serve, and the state that it gets on it. */
export class AppStart {
  readonly #options: AppStartOptions;
  readonly #phases: Phases = {};
  #load: Load | undefined;
  #steps: AppSteps<unknown> | undefined;
  #app: unknown;
  #stateFollows = false;
  /** When its code began to be evaluated, and when that or start() had ended. */
  #began = 0;
  #startedAt: number | undefined;
  #step: StartStep = 'load';
  #willListen = false;
  #hasListened = false;
  #isReady = false;

  constructor(options: AppStartOptions) {
    this.#options = options;
  }

  /** How long its steps took, so far. */
  get phases(): Phases {
    return this.#phases;
  }

  /** What it has come to. */
  get step(): StartStep {
    return this.#isReady ? 'ready' : this.#step;
  }

  /** It was started in steps, by runWorker(). */
  get hasSteps(): boolean {
    return this.#steps !== undefined;
  }

  /** Node is about to evaluate the entry as its main module. */
  begin(load: Load): void {
    this.#load = load;
    this.#stateFollows = load.stateFollows;
    this.#began = performance.now();
    setImmediate(() => void this.#evaluate());
  }

  /** Importing the entry once more only waits for the end of its evaluation. */
  async #evaluate(): Promise<void> {
    try {
      await import(pathToFileURL(realpathSync.native(String(process.argv[1]))).href);
    } catch (error) {
      this.#options.onFailed(error);
      return;
    }
    if (this.#steps) return;
    this.#endLoad();
    this.#await();
  }

  /** runWorker(): the app in its steps; it is ready when `start` has resolved. */
  async run<App>(steps: AppSteps<App>): Promise<void> {
    if (this.#steps)
      throw new HandoverError(
        'ALREADY_STARTED',
        'runWorker() was called twice in this process; call it once, in the entry',
      );
    const { generation, isRestart } = this.#load as Load;
    this.#steps = steps as AppSteps<unknown>;
    const app = await steps.load();
    this.#endLoad();
    this.#app = app;
    this.#step = 'prepare';
    if (steps.prepare) await this.#timed('prepare', () => steps.prepare?.(app));
    this.takeState();
    const state = this.#options.keeps.takeSaved();
    this.#step = 'start';
    await this.#timed('start', () => steps.start(app, { state, isRestart, generation }));
    this.#await();
  }

  #await(): void {
    this.#step = 'listen';
    this.#startedAt = performance.now();
    this.#readyWhenListening();
  }

  /** What save() returns; undefined: there is no such step. */
  async save(): Promise<{ value: unknown } | undefined> {
    const save = this.#steps?.save;
    return save && { value: await save(this.#app) };
  }

  /** It has called listen(); between that and `listening` lies the look-up of the host. */
  willListen(): void {
    this.#willListen = true;
  }

  listens(): void {
    this.#hasListened = true;
    this.#readyWhenListening();
  }

  /**
   * The app is ready when its top-level code has finished (with runWorker(): when start() has resolved) and it
   * listens, if it is one that does: it has called listen(), or the generation before it listened.
   */
  #readyWhenListening(): void {
    if (this.#isReady || this.#startedAt === undefined) return;
    const listens = this.#willListen || (this.#load?.mustListen && !this.#steps);
    if (listens && !this.#hasListened) return;
    this.#isReady = true;
    if (!this.#steps) this.#phases.start = performance.now() - this.#startedAt;
    this.#options.onReady();
  }

  /**
   * Takes the state of the generation before, unless that has been done, or there is none. Not earlier than it is
   * needed: from now on nothing serves until this generation does, and this process blocks until the state has come.
   * Throws when it is no state, or the primary has gone.
   */
  takeState(): void {
    if (!this.#stateFollows) return;
    this.#stateFollows = false;
    const began = performance.now();
    try {
      const state = callState();
      if (state) this.#options.keeps.restore(state);
    } catch (error) {
      // Not for the app to go on without it.
      this.#options.onFailed(error);
      throw error;
    }
    this.#phases.restore = performance.now() - began;
  }

  #endLoad(): void {
    this.#phases.load = performance.now() - this.#began - this.#stateMs;
  }

  async #timed<T>(phase: keyof Phases, step: () => T | Promise<T>): Promise<T> {
    const began = performance.now() - this.#stateMs;
    const result = await step();
    this.#phases[phase] = performance.now() - began - this.#stateMs;
    return result;
  }

  /** How long the state was waited for, which may be in the midst of any step. */
  get #stateMs(): number {
    return this.#phases.restore ?? 0;
  }
}
