import type { Duration } from '../duration.ts';

/**
 * The options of `runPrimary()`; `"handover"` in package.json takes the same names, the command line the flags.
 * What is given nearer wins: the call or a flag, then package.json, then the default. Lists replace each other.
 */
export interface HandoverOptions {
  /** Files and folders to watch besides what the app loads. Relative to the working folder, in package.json to its folder. Default: none. */
  watch?: string[];
  /** Patterns, as in .gitignore, of files whose changes don't matter. Relative to the working folder. Default: none. */
  ignore?: string[];
  /** Looks for changes at this interval instead of waiting for the system's events; `true` is 200 ms. Default: `false`. */
  poll?: boolean | Duration;
  /** Holds requests from the change on, so that none sent after a save is answered by old code. Default: `false`. */
  fresh?: boolean;
  /** The old generation serves while the new one loads; `false` stops it before. Default: `true`. */
  overlap?: boolean;
  /** A generation is ready when it calls `process.send('ready')`. Default: `false`. */
  waitReady?: boolean;
  /** File of the state snapshot; `false` writes none. Default: a file in `node_modules/.cache`. */
  snapshot?: string | false | undefined;
  /** Keeps the snapshot after a clean stop. Default: `false`. */
  persist?: boolean;
  /**
   * Lets debuggers attach at an address that stays the same over all restarts: a port, `'host:port'`, or `true` for
   * `'127.0.0.1:9229'`. Default: `false`.
   */
  inspect?: boolean | number | string;
  /** As `inspect`; each generation waits for a debugger and breaks at the first line of the entry. Default: `false`. */
  inspectBrk?: boolean | number | string;
  /**
   * Serves a page on 127.0.0.1 that shows the restarts, at this port or the next free one; `true` is 4242.
   * Default: `false`.
   */
  ui?: boolean | number;
  /**
   * Reloads the app's pages after a restart, and shows a failed start on them: the script for it is added to its HTML
   * responses. Default: `false`.
   */
  liveReload?: boolean;
  /** Options of Node.js for the workers. Default: none. */
  execArgv?: string[];
  /** Arguments added to `process.argv` from generation 2 on. Default: none. */
  restartArgs?: string[];
  /** Wait between a change and its restart. Default: 0. */
  restartDelay?: Duration;
  /** Workers kept warm for the next restart: 0, 1 or 2. Default: 1. */
  standby?: number;
  /**
   * What a standby evaluates before the app's own code: `'auto'`, the dependencies that the app loads, as far as it
   * makes no difference; `'prefix'`, only those that come before all of the app's own files; modules by name, in every
   * worker, as with `--import`; `false`, nothing. Default: `'auto'`.
   */
  preload?: 'auto' | 'prefix' | string[] | false;
  /** How long a generation may take to load, and to start. Default: 10 s. */
  readyTimeout?: Duration;
  /** How long a request may take that a handover waits for. Default: 1 s. */
  quiesceTimeout?: Duration;
  /** How long a replaced generation may go on with its long responses. Default: 10 s. */
  drainTimeout?: Duration;
  /** How long a worker that was told to end may live before it is killed. Default: 2 s. */
  killTimeout?: Duration;
  /** How long the components of the app may take to end, then its child processes. Default: 10 s. */
  shutdownTimeout?: Duration;
  /** How long a connection is held while nothing serves, before it gets a 503 page. Default: 30 s. */
  holdTimeout?: Duration;
  /** How many connections are held at once. Default: 1000. */
  holdLimit?: number;
  /** How often the state is saved in case the app crashes; 0 never does. Default: 5 s. */
  checkpointInterval?: Duration;
  /** Takes keys at a terminal, until the app reads its standard input itself. Default: `true`. */
  keys?: boolean;
  /** Tells each event as a line of JSON on stderr, in place of text. Default: `false`. */
  json?: boolean;
}

/** Every option with its value; durations in milliseconds. */
export interface ResolvedOptions {
  watch: string[];
  ignore: string[];
  /** Interval in milliseconds, or `false`: events of the system. */
  poll: number | false;
  fresh: boolean;
  overlap: boolean;
  waitReady: boolean;
  /** `undefined`: the default path. */
  snapshot: string | false | undefined;
  persist: boolean;
  /** `host:port`. */
  inspect: string | false;
  inspectBrk: string | false;
  /** The port. */
  ui: number | false;
  liveReload: boolean;
  execArgv: string[];
  restartArgs: string[];
  restartDelay: number;
  standby: number;
  preload: 'auto' | 'prefix' | string[] | false;
  readyTimeout: number;
  quiesceTimeout: number;
  drainTimeout: number;
  killTimeout: number;
  shutdownTimeout: number;
  holdTimeout: number;
  holdLimit: number;
  checkpointInterval: number;
  keys: boolean;
  json: boolean;
}
