/**
 * The wire between the primary and a worker. Messages travel over Node's IPC channel under a command that
 * Node itself keeps from an app's `message` listeners; state blobs travel over pipes of their own
 * (see blob-frames.ts) and are only announced here.
 */
export const COMMAND = 'NODE_HANDOVER';

/** The descriptor of the pipe for a worker's state: after stdin, stdout, stderr and the IPC channel. */
export const BLOB_FD = 4;

/**
 * The descriptor of the call pipe in a worker, for calls that block for their answer: listen(), so that
 * `server.address()` is known when it returns, as in a process that owns its ports; the state, for keep().
 */
export const CALL_FD = 5;

/** The environment variable with the WorkerConfig; a worker deletes it before any app code runs. */
export const WORKER_ENV = 'HANDOVER_WORKER';

/**
 * The environment variable with the mark of a worker, which the processes inherit that it starts, and those that these
 * start. It begins with the primary's own.
 */
export const TREE_ENV = 'HANDOVER_TREE';

/** Makes Node report every file that a worker loads to the primary (lib/internal/modules, Node 20–26). */
export const REPORT_ENV = 'WATCH_REPORT_DEPENDENCIES';

/** What a worker knows from its birth. */
export interface WorkerConfig {
  quiesceTimeout: number;
  drainTimeout: number;
  shutdownTimeout: number;
  /** Where to save the state when the primary dies; false: nowhere. */
  snapshot: string | false;
  /** Tells this primary's snapshots from those of earlier ones. */
  run: string;
  /** Stands in each message of this worker: what the app sends itself is none, whatever it looks like. */
  token: string;
  appVersion: string;
  /** The folder of V8's compile cache; false: none. */
  compileCache: string | false;
  /** Whether debuggers may attach. */
  inspect: boolean;
  /** The address of the script that is added to the app's pages; false: none is. */
  liveReload: string | false;
}

/** A part of the state as a person may see it. */
export interface StateKey {
  /** Of a long one only the beginning: it may be a secret. */
  key: string;
  bytes: number;
}

/** An error as it crosses the process boundary. */
export interface WireError {
  name: string;
  message: string;
  stack?: string;
  code?: string;
}

/** What a server of the app listens on. */
export interface ListenQuery {
  /** null: unspecified address; a path for a Unix socket. */
  address: string | null;
  /** -1: a Unix socket or named pipe. */
  port: number;
  addressType: number | string;
  flags?: number;
  /** A descriptor that the primary has inherited, in place of an address. */
  fd?: number;
  /** How many times this worker has asked for port 0 at this address; keeps such ports apart and stable. */
  occurrence: number;
  /** Whether the primary can answer with an HTTP error when nothing can serve. */
  http: boolean;
}

/** What a UDP socket of the app is bound to. */
export interface BindQuery {
  address: string;
  port: number;
  type: 'udp4' | 'udp6';
  ipv6Only: boolean;
  /** As in a ListenQuery. */
  fd?: number;
  /** As in a ListenQuery. */
  occurrence: number;
}

/** What handle.getsockname() reports. */
export interface SocketName {
  address?: string;
  family?: string;
  port?: number;
}

/** What of a generation must be carried over; decides when the old one is quiesced. */
export interface Carries {
  /** keep() was called: the state is needed while the app's code is evaluated. */
  keeps: boolean;
  /** runWorker() has a save(): the state is needed before start(). */
  saves: boolean;
  /** runWorker() was called: start() is a step of its own. */
  steps: boolean;
  /** A component has pause(): background work must rest before the next generation starts. */
  pauses: boolean;
}

/** What a file of the app imports; of a CommonJS file what it requires before any of its code runs. */
export interface FileImports {
  format: ModuleFormat;
  /** In the order of the source; null: it can't be read. */
  list: ModuleImport[] | null;
}

/** One import of an app file. */
export interface ModuleImport {
  specifier: string;
  /** import() in the module's code. */
  isDynamic: boolean;
  /** With attributes, which only data has. */
  isData: boolean;
  /** A CommonJS file has taken values over before it, which it would see changed. */
  hasLooked: boolean;
  /** null: it can't be found. */
  url: string | null;
}

/** A dependency that an app file loads, to be evaluated before the app. */
export interface PreloadRoot {
  /** The URL of an import, the path of a require(). */
  target: string;
  how: ModuleFormat;
  /** The app file that loads it. */
  from: string;
  /** How many of the app's files a cold start begins to evaluate before it. */
  after: number;
  /** How many of the packages that the app uses its files may have done something with before it. */
  used: number;
  /** It is not to be evaluated ahead, but told of for the sake of those that are. */
  isLeft: boolean;
}

/** How a file is loaded: as an ES module, or as CommonJS. */
export type ModuleFormat = 'import' | 'require';

/** What an app runs on besides Node itself and its dependencies. */
export interface AppRuntime {
  /** How files of TypeScript are loaded. */
  typescript: ModuleFormat[];
  /** It imports this package. */
  api: boolean;
}

/** Why what was evaluated ahead can't be what a cold start would have made of it. */
export interface Misspeculation {
  /** A clause, such as `the app sets API_URL, which undici reads while it loads`. */
  cause: string;
  /** The targets of the roots to be left out from now on; 'speculated': all with app files before them. */
  roots: string[] | 'speculated';
  /** The app's file that most likely makes the difference. */
  file?: string | undefined;
}

export type MessageToWorker =
  /** Tell what these files import. */
  | { type: 'analyze'; files: Record<string, ModuleFormat> }
  | { type: 'warm-runtime'; runtime: AppRuntime }
  /** Look for what files import, so that it need not be looked for when they are loaded. */
  | { type: 'resolve'; files: Record<string, { format: ModuleFormat; specifiers: string[] }> }
  /** Evaluate dependencies, before the app is loaded. */
  | {
      type: 'preload';
      roots: PreloadRoot[];
      /** The app's files in the order in which a cold start evaluates them. */
      order: string[];
      /** The packages that the app's files load themselves, in the order in which these get hold of them. */
      uses: string[];
      /** Environment variables that the app sets while it loads. */
      appVariables: string[];
      /** The app's entry is CommonJS, so that there is a require.main. */
      hasMain: boolean;
      restartArgs: string[];
    }
  /** Load the app. */
  | {
      type: 'load';
      generation: number;
      isRestart: boolean;
      restartArgs: string[];
      mustListen: boolean;
      /** There may be state: it is to be asked for when it is needed, and before `ready`. */
      stateFollows: boolean;
      /** What the files that have changed since the worker was warm imported before that. */
      changed: Record<string, FileImports>;
    }
  | { type: 'committed'; checkpointInterval: number }
  /** With its handle. `idle`: an earlier generation has answered requests on it. */
  | { type: 'connection'; listener: number; idle: boolean; luggage?: Luggage }
  /** With its handle: the UDP socket that the worker has asked for. */
  | { type: 'datagram-socket'; port: number }
  /** All connections have been sent that the generation before could hand back at once. */
  | { type: 'all-moved' }
  /** Take no new request, finish those in flight, rest background work. */
  | { type: 'quiesce' }
  /** After `quiesce`: serialize the state and send it under the id. */
  | { type: 'capture'; id: number }
  /** The handover was rolled back: serve again. */
  | { type: 'resume' }
  /**
   * End: connections go back to the primary (`move`) or are closed; then components, then exit. With `relay`, not before
   * the TLS connections that have moved have ended, whose TLS ends it keeps.
   */
  | { type: 'drain'; move: boolean; relay: boolean; signal?: NodeJS.Signals }
  /** Tell what it waits for: its start, or its end, takes long. */
  | { type: 'ask-waits' };

export type MessageToPrimary =
  /** Booted; waits for `load`. `inspector`: where its own inspector listens. */
  | { type: 'standby'; inspector?: string }
  | { type: 'carries'; carries: Carries }
  /** What the app's CommonJS files have required, in that order; Node's own reports leave some files out. */
  | { type: 'required'; files: Record<string, string[]> }
  /** What files import: of `analyze`, and of `changed` in `load`. */
  | { type: 'imports'; files: Record<string, FileImports> }
  /** Answers `warm-runtime`. */
  | { type: 'runtime-warm' }
  /** Answers `resolve`. */
  | { type: 'resolved' }
  /** It begins to evaluate a dependency ahead of the app. */
  | { type: 'preloading'; target: string }
  /**
   * Answers `preload`: what was evaluated, as far as it got, and which files outside of packages that has read. What
   * `spoiled` the worker, so that it can't be used.
   */
  | {
      type: 'warm';
      preloaded: Preloaded[];
      spoiled: Misspeculation[];
      files: string[];
    }
  /** Its app calls runPrimary(): it must find itself in a worker of a cluster. `misspeculated` follows. */
  | { type: 'wants-cluster' }
  /** In place of `ready`. */
  | { type: 'misspeculated'; misspeculation: Misspeculation }
  /** With the handle of a connection. `idle`: requests were answered on it, and the next one is awaited. */
  | { type: 'hand-back'; listener: number; idle: boolean; luggage?: Luggage }
  /** It waits for the state: over the call pipe (see Call). */
  | { type: 'needs-state' }
  /** `variables`: those of the environment that the app has set while it was loaded. */
  | { type: 'ready'; phases: Phases; variables: string[] }
  /** The app could not be loaded or started; the worker exits. */
  | { type: 'failed'; error: WireError }
  /** In flight requests have ended; `outlived` names those that have not. */
  | { type: 'quiesced'; outlived: string[] }
  /** Answers the `capture` with this id. With `blob`, the state is on the pipe. */
  | { type: 'captured'; id: number; blob: boolean; problems: string[]; keys: StateKey[] }
  | { type: 'capture-failed'; id: number; error: WireError }
  | { type: 'moved'; connections: number }
  /** Answers `ask-waits`. `step`: of its start; undefined: it ends. `names`: as a person would call what keeps it from that. */
  | { type: 'waits'; step: StartStep | undefined; names: string[] }
  | { type: 'drained'; ended: boolean; report: string[] }
  /** The app asks for its standard input. */
  | { type: 'reads-input' }
  | { type: 'warning'; message: string }
  /** Which processes it has started that have not ended, without those that are to outlive it. */
  | { type: 'children'; pids: number[] }
  /** An uncaught exception is about to end this worker after it had become ready. */
  | { type: 'crashing'; error: WireError };

/** A root that was evaluated ahead. */
export interface Preloaded {
  target: string;
  ms: number;
  /** It has changed something that all modules share. */
  leavesTraces: boolean;
}

/** What a start has come to. `ready`: only process.send('ready') is awaited. */
export type StartStep = 'load' | 'prepare' | 'start' | 'listen' | 'ready';

/** Milliseconds that the steps of a start took, in the worker's own clock. */
export type Phases = Partial<Record<'restore' | 'load' | 'prepare' | 'start', number>>;

/**
 * Calls over the call pipe, one JSON line each. Answered by one line, a PortAnswer or an empty object; `state` by a
 * blob, which is empty when there is none.
 */
export type Call =
  | { type: 'listen'; query: ListenQuery }
  | { type: 'bind'; query: BindQuery }
  | { type: 'close'; port: number }
  | { type: 'state' };

/** Answers `listen` and `bind`; a UDP socket follows it. */
export interface PortAnswer {
  /** The primary's id of the port. */
  port: number;
  /** 0, or the negative errno of the failed bind. */
  errno: number;
  /** Where it is bound; of one that could not be, where that was tried. */
  name?: SocketName;
}

export type MessageOf<M extends { type: string }, T extends M['type']> = Extract<M, { type: T }>;

/**
 * What goes with the descriptor of a connection that is more than HTTP between two requests. The primary passes it on
 * unread, but for a request that it has to answer itself (see http-luggage.ts).
 */
export interface Luggage {
  /** Who packs and unpacks it. */
  kind: string;
  /** Anything that JSON can carry. */
  data: unknown;
}

/** The raw descriptor of a connection (TCP or pipe wrap), as `server._handle.onconnection` gets it. */
export interface RawHandle {
  close(callback?: () => void): void;
}

interface Envelope<M> {
  cmd: typeof COMMAND;
  /** Of the worker that sends it (see WorkerConfig). */
  token?: string | undefined;
  body: M;
}

export function seal<M>(body: M, token?: string): Envelope<M> {
  return { cmd: COMMAND, token, body };
}

/** The body of one of our messages; undefined for Node's own and an app's. */
export function unseal<M>(message: unknown, token?: string): M | undefined {
  const envelope = message as Partial<Envelope<M>> | null;
  const isOurs = typeof envelope === 'object' && envelope?.cmd === COMMAND && envelope.token === token;
  return isOurs ? envelope.body : undefined;
}

export function toWireError(error: unknown): WireError {
  if (!(error instanceof Error)) return { name: 'Error', message: `a non-error was thrown: ${String(error)}` };
  const { name, message, stack, code } = error as NodeJS.ErrnoException;
  return { name, message, ...(stack && { stack }), ...(typeof code === 'string' && { code }) };
}
