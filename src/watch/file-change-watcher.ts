import path from 'node:path';
import { toMilliseconds, type Duration } from '../duration.ts';
import { HandoverError } from '../errors.ts';
import type { OpenFolderWatch } from './folder-watch.ts';
import { IgnorePatterns } from './ignore-patterns.ts';
import type { WatchSession } from './watch-session.ts';

/** A polling interval of 0 would keep a processor busy. */
const SHORTEST_INTERVAL = 10;

export interface FileChangeWatcherOptions {
  /** Files and folders, relative to `cwd`; a folder counts with all that is in it. Default: none. */
  watchPaths?: string[];
  /**
   * What not to report, as in a .gitignore file, relative to `cwd`. Added to the defaults: `node_modules`, `.git`,
   * `.DS_Store` and the temporary files of vim, emacs and JetBrains editors, each of which a `!pattern` takes back.
   */
  ignorePatterns?: string[];
  /** Look at the files this often, for network mounts, which send no events. Default: the system's events. */
  pollInterval?: Duration;
  /** Default: the working folder of the process. */
  cwd?: string;
}

export interface LoadedFilesOptions {
  /**
   * When the program began to load, in milliseconds since the epoch. A file that was not watched until now and is
   * newer than that is reported as changed: the program may have read what was there before.
   */
  loadedSince?: number;
  /** Those of the files that are known to have been there then: one that is missing counts as deleted. */
  existed?: ReadonlySet<string>;
}

/**
 * Reports files whose content changed: explicit paths, and the files a program loaded. A save is reported at once
 * (no debounce), and one with unchanged bytes not at all.
 */
export class FileChangeWatcher implements AsyncDisposable {
  #cwd: string;
  #explicit: string[];
  #patterns: IgnorePatterns;
  #pollInterval: number | undefined;
  #openFolder: OpenFolderWatch | undefined;
  #loaded = new Set<string>();
  #loadedOptions: LoadedFilesOptions = {};
  #onChange: (changedFiles: string[], detectMs: number) => void = () => {};
  #onError: (error: Error) => void = (error) => process.emitWarning(error);
  #session: WatchSession | undefined;
  /** Of the start() that no stop() has followed. */
  #start: symbol | undefined;

  /** `openFolder` is how a folder is watched: the system's events, unless a test stands in. */
  constructor(options: FileChangeWatcherOptions = {}, openFolder?: OpenFolderWatch) {
    if (typeof options !== 'object' || options === null) {
      throw new HandoverError(
        'INVALID_OPTION',
        `new FileChangeWatcher(): expected an object of options such as { watchPaths: ["src"] }, got ${JSON.stringify(options)}`,
      );
    }
    const { pollInterval, cwd = process.cwd() } = options;
    const watchPaths = strings(options.watchPaths, 'watchPaths');
    const ignorePatterns = strings(options.ignorePatterns, 'ignorePatterns');
    this.#cwd = path.resolve(cwd);
    this.#explicit = [...new Set(watchPaths.map((name) => path.resolve(this.#cwd, name)))];
    this.#patterns = new IgnorePatterns(this.#cwd, ignorePatterns, this.#explicit);
    this.#openFolder = openFolder;
    this.#pollInterval =
      pollInterval === undefined
        ? undefined
        : Math.max(toMilliseconds(pollInterval, 'pollInterval'), SHORTEST_INTERVAL);
  }

  /**
   * Called with the absolute paths of the files that changed together; a deleted or new file counts as changed.
   * `detectMs`: the milliseconds since the system's first word of it.
   */
  setChangeCallback(callback: (changedFiles: string[], detectMs: number) => void): void {
    this.#onChange = callback;
  }

  /** Called when files can't be watched as asked; without it the error is a process warning. */
  setErrorCallback(callback: (error: Error) => void): void {
    this.#onError = callback;
  }

  /** Resolves when a change made from now on will be noticed. A path that does not exist is waited for. */
  async start(): Promise<void> {
    if (this.#start) {
      throw new HandoverError(
        'ALREADY_STARTED',
        `This FileChangeWatcher already watches in ${this.#cwd}: call stop() before start(), or create another one.`,
      );
    }
    const start = (this.#start = Symbol('start'));
    // A worker imports this class, too, with the rest of the package.
    const { WatchSession } = await import('./watch-session.ts');
    // stop() has been called meanwhile.
    if (this.#start !== start) return;
    this.#session = new WatchSession({
      cwd: this.#cwd,
      explicit: this.#explicit,
      patterns: this.#patterns,
      openFolder: this.#openFolder,
      pollInterval: this.#pollInterval,
      onChange: (files, detectMs) => this.#onChange(files, detectMs),
      onError: (error) => this.#onError(error),
    });
    this.#session.setLoadedFiles(this.#loaded, this.#loadedOptions);
    await this.#session.start();
  }

  /** Ends watching. Nothing is called after it. Can be called more than once; start() can follow. */
  async stop(): Promise<void> {
    this.#start = undefined;
    this.#session?.close();
    this.#session = undefined;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  /**
   * The files that the running program loaded: absolute paths, in place of those of the previous call. A file need
   * not exist yet: one that a failed import waits for is reported when it appears. Ignored files (by default what
   * is below node_modules) are left out. Cheap when most files are the same as before.
   */
  setLoadedFiles(files: Iterable<string>, options: LoadedFilesOptions = {}): void {
    this.#loaded = new Set(files);
    this.#loadedOptions = options;
    this.#session?.setLoadedFiles(this.#loaded, options);
  }
}

function strings(value: string[] | undefined, name: string): string[] {
  if (value === undefined) return [];
  if (Array.isArray(value) && value.every((item) => typeof item === 'string' && item !== '')) return value;
  throw new HandoverError(
    'INVALID_OPTION',
    `${name}: expected an array of non-empty strings, got ${JSON.stringify(value) ?? String(value)}`,
  );
}
