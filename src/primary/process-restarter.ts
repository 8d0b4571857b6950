import { EventEmitter } from 'node:events';
import { HandoverError } from '../errors.ts';
import type { HandoverOptions, ResolvedOptions } from '../options/handover-options.ts';
import { resolveOptions } from '../options/resolve-options.ts';
import type { UiServer } from '../ui/ui-server.ts';
import type { RestarterEvents } from './events.ts';
import type { RestartCommand } from './program.ts';
import type { Supervisor } from './supervisor.ts';
import type { WorkerExit } from './worker-handle.ts';

export interface ProcessRestarterOptions extends Omit<HandoverOptions, 'watch' | 'ignore' | 'keys' | 'json'> {
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

/**
 * Restarts an app on every change as a whole new process, without its clients noticing. Owns the watcher, the
 * listening ports and the state, and runs in the primary, which never runs the app's code.
 */
export class ProcessRestarter extends EventEmitter<RestarterEvents> implements AsyncDisposable {
  readonly #options: ResolvedOptions;
  readonly #callbacks: RestarterCallbacks = {};
  #supervisor: Supervisor | undefined;
  #ui: UiServer | undefined;
  #starting: Promise<void> | undefined;
  #stopping: Promise<WorkerExit | undefined> | undefined;

  /** Throws HandoverError UNKNOWN_OPTION or INVALID_OPTION. */
  constructor(options: ProcessRestarterOptions = {}) {
    super();
    this.#options = resolveOptions({ call: asHandoverOptions(options), place: 'new ProcessRestarter()' });
  }

  /** To be called before start(). */
  setCallbacks(callbacks: RestarterCallbacks): this {
    Object.assign(this.#callbacks, callbacks);
    return this;
  }

  /** The generation that serves; undefined: none. */
  get generation(): number | undefined {
    return this.#supervisor?.generation;
  }

  /** Where a browser finds the app; undefined: it does not listen by HTTP. */
  get url(): string | undefined {
    return this.#supervisor?.url;
  }

  /** Where a browser finds the page of the restarts; undefined: without the option `ui`, and before start(). */
  get uiUrl(): string | undefined {
    return this.#ui?.pageUrl;
  }

  /**
   * Starts the first generation and begins to watch. Resolves when it serves, or has failed and the next save is
   * awaited (see the events). Throws when a primary for the same project runs already.
   */
  async start(): Promise<void> {
    if (this.#starting)
      throw new HandoverError(
        'ALREADY_STARTED',
        'start() was called twice on this ProcessRestarter; make a new one after stop()',
      );
    this.#starting = this.#start();
    await this.#starting;
  }

  async #start(): Promise<void> {
    // A worker imports this class, too, with the rest of the package, and never starts it.
    const { Supervisor } = await import('./supervisor.ts');
    const script = await this.#startUi();
    if (this.#stopping) return;
    this.#supervisor = new Supervisor(
      this.#options,
      this.#callbacks,
      (event, ...detail) => this.emit(event, ...(detail as never)),
      script,
    );
    try {
      await this.#supervisor.start();
    } catch (error) {
      await this.#ui?.close();
      throw error;
    }
  }

  /** Returns the script for the app's pages; false: none is to be added. */
  async #startUi(): Promise<string | false> {
    const { ui, liveReload } = this.#options;
    if (ui === false && !liveReload) return false;
    const { UiServer } = await import('../ui/ui-server.ts');
    this.#ui = await UiServer.start(this, ui);
    if (this.uiUrl) this.emit('page', { url: this.uiUrl });
    return liveReload && this.#ui.scriptUrl;
  }

  /** Restarts as after a change. Resolves when the handover has ended, in whichever way. */
  async restart(reason = 'restart'): Promise<void> {
    if (!this.#starting || this.#stopping) {
      throw new HandoverError(
        'WRONG_PROCESS',
        `restart(${JSON.stringify(reason)}) needs a started ProcessRestarter; call start() first`,
      );
    }
    if (!this.#supervisor?.isRunning) await this.#starting;
    await this.#supervisor?.restart(reason);
  }

  /**
   * Stops the app gracefully and everything of ours with it. `signal`: the one that asked for it, which an app that
   * handles it hears. Resolves with how the app ended.
   */
  stop(signal?: NodeJS.Signals): Promise<WorkerExit | undefined> {
    this.#stopping ??= this.#stop(signal);
    return this.#stopping;
  }

  async #stop(signal: NodeJS.Signals | undefined): Promise<WorkerExit | undefined> {
    if (!this.#starting) return undefined;
    const stopped = this.#supervisor?.endLoop();
    // What it throws, its caller learns.
    await this.#starting.catch(() => {});
    await stopped;
    const exit = await this.#supervisor?.stop(signal);
    await this.#ui?.close();
    this.emit('stopped');
    return exit;
  }

  /** Ends every worker at once. */
  kill(): void {
    this.#supervisor?.kill();
  }

  /** Passes a signal on to the app. */
  signal(signal: NodeJS.Signals): void {
    this.#supervisor?.signal(signal);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }
}

function asHandoverOptions(options: ProcessRestarterOptions): HandoverOptions {
  // What is none is refused with the others.
  if (typeof options !== 'object' || options === null) return options;
  const { watchPaths, ignorePatterns, ...rest } = options;
  return { ...rest, ...(watchPaths && { watch: watchPaths }), ...(ignorePatterns && { ignore: ignorePatterns }) };
}
