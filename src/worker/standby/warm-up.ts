import { setImmediate as nextTurn } from 'node:timers/promises';
import type {
  AppRuntime,
  FileImports,
  MessageOf,
  MessageToPrimary,
  MessageToWorker,
  Misspeculation,
  ModuleFormat,
} from '../../protocol.ts';
import { readImports, resolveAs, warmImports } from './app-imports.ts';
import { changedVariables } from '../preload/env-record.ts';
import { collectGarbage } from './collect-garbage.ts';
import { loadedFirst } from './loaded-first.ts';
import { Preload } from '../preload/preload.ts';
import { rehearseHttp, rehearseState } from './rehearsal.ts';
import { warmTypeScript } from './typescript.ts';

/** What a worker does before it is told to load the app, and whether that was right once the app is loaded. */
export class WarmUp {
  readonly #send: (message: MessageToPrimary) => void;
  #preload: Preload | undefined;
  #runtime: Promise<void> = Promise.resolve();
  /** Gives the warnings that are due when the app is loaded. */
  #warn: () => void = () => {};
  #environment: NodeJS.ProcessEnv = {};
  #hasRestartArgs = false;
  #isLoading = false;

  constructor(send: (message: MessageToPrimary) => void) {
    this.#send = send;
  }

  /** Tells what files import. */
  async analyze(formats: Record<string, ModuleFormat>): Promise<void> {
    const files: Record<string, FileImports> = {};
    for (const [file, format] of Object.entries(formats)) files[file] = await readImports(file, format);
    this.#send({ type: 'imports', files });
  }

  /** Tells what files import that have changed. `before`: what they did before. */
  async analyzeChanged(before: Record<string, FileImports>): Promise<void> {
    if (Object.keys(before).length === 0) return;
    const files: Record<string, FileImports> = {};
    for (const [file, { format, list }] of Object.entries(before)) files[file] = await readImports(file, format, list);
    this.#send({ type: 'imports', files });
  }

  async warmRuntime({ typescript, api }: AppRuntime): Promise<void> {
    const task = async (): Promise<void> => {
      await warmImports();
      await rehearseHttp();
      if (api) {
        await import('../../index.ts');
        rehearseState();
      }
      if (typescript.length > 0) this.#warn = await warmTypeScript(typescript);
    };
    this.#runtime = task();
    await this.#runtime;
    this.#send({ type: 'runtime-warm' });
  }

  /** Looks for what files import. Node remembers where it has found it. */
  async resolve(files: MessageOf<MessageToWorker, 'resolve'>['files']): Promise<void> {
    // What changes the way in which modules are found remembers nothing, or not in that way.
    const isPlain = loadedFirst().length === 0;
    for (const [file, { format, specifiers }] of isPlain ? Object.entries(files) : []) {
      // Lets the word in that the app is to be loaded.
      await nextTurn();
      if (this.#isLoading) break;
      for (const specifier of specifiers) resolveAs[format](specifier, file);
    }
    if (!this.#isLoading) collectGarbage();
    this.#send({ type: 'resolved' });
  }

  async preload(task: MessageOf<MessageToWorker, 'preload'>): Promise<void> {
    this.#addArguments(task.restartArgs);
    this.#preload = new Preload(task);
    const result = await this.#preload.run((target) => this.#send({ type: 'preloading', target }));
    this.#send({ type: 'warm', ...result });
  }

  /** What is happening can't be done ahead of the app. */
  spoil(what: string): void {
    this.#preload?.spoil(what);
  }

  /** Resolves when nothing more is evaluated ahead: what was must not be used if something is returned. */
  async beginLoad(restartArgs: readonly string[]): Promise<Misspeculation | undefined> {
    this.#isLoading = true;
    await this.#runtime;
    this.#warn();
    const spoiled = await this.#preload?.stop();
    this.#addArguments(restartArgs);
    this.#environment = { ...process.env };
    this.#preload?.speculation.beginLoad();
    return spoiled;
  }

  #addArguments(args: readonly string[]): void {
    if (!this.#hasRestartArgs) process.argv.push(...args);
    this.#hasRestartArgs = true;
  }

  /** When the app is loaded. `variables`: those of the environment that it has set. */
  endLoad(): { variables: string[]; misspeculation: Misspeculation | undefined } {
    const variables = changedVariables(this.#environment, { ...process.env });
    return { variables, misspeculation: this.#preload?.speculation.validate(variables) };
  }
}
