import type { EventEmitter } from 'node:events';
import type { Server, Socket } from 'node:net';
import type { Duration } from '../duration.ts';

/** What `start` is told. */
export interface StartContext {
  /** What `save` of the previous generation returned; undefined when there is none. */
  state: unknown;
  /** Whether a generation ran before this one. */
  isRestart: boolean;
  /** The running number of this worker: 1, 2, 3 … */
  generation: number;
}

/** An app in its four steps. */
export interface AppSteps<App> {
  /** Imports the app's code; a standby waits before this. */
  load: () => App | Promise<App>;
  /** Slow work that needs no state; the old generation still serves meanwhile. */
  prepare?: (app: App) => unknown;
  /** Starts to serve; the app is ready when it resolves. */
  start: (app: App, context: StartContext) => unknown;
  /** Returns the state that `start` of the next generation gets; called when this one no longer serves. */
  save?: (app: App) => unknown;
}

/** A schema library's common interface (standardschema.dev), as far as it is used here. */
export interface StandardSchema<T> {
  readonly '~standard': {
    readonly validate: (value: unknown) => StandardResult<T> | Promise<StandardResult<T>>;
  };
}

type StandardResult<T> =
  | { readonly value: T; readonly issues?: undefined }
  | { readonly issues: readonly { readonly message: string; readonly path?: readonly unknown[] | undefined }[] };

export interface KeepOptions<T> {
  /** The version of the value's shape. Default 1. */
  version?: number;
  /** Turns a value of another version into this one's. */
  migrate?: (old: unknown, oldVersion: number) => T;
  /** Any Standard Schema (zod, valibot, arktype …), which the carried value must pass. */
  validate?: StandardSchema<T>;
}

export interface AppComponent {
  /** Background work rests: called before the state is captured. */
  pause?: () => unknown;
  /** Background work goes on: called when the handover was rolled back. */
  resume?: () => unknown;
  /** Asks the component to end. */
  stop?: () => unknown;
  /** Resolves when it has ended. */
  join?: () => unknown;
  /** How long stop and join may take. Default: the whole shutdownTimeout. */
  timeout?: Duration;
}

/** A `WebSocketServer` of the npm package `ws`, version 8. */
export interface WebSocketServerLike extends EventEmitter {
  handleUpgrade(...parameters: never[]): void;
}

/** The WebSocket of a server's type, where that says it. */
export type WebSocketOf<S> = S extends { clients: Set<infer W> } ? W : unknown;

export interface KeepWebSocketsOptions<W = unknown> {
  /** Tells the server in the next generation. Default: the order of the calls without a name. */
  name?: string;
  /** The app's data of this WebSocket, which goes with it. */
  save?: (socket: W) => unknown;
}

export interface KeepSocketsOptions {
  /** The app's data of this connection, which goes with it. */
  save?: (socket: Socket) => unknown;
}

/** What `connection` tells of a connection that has moved. */
export interface Moved<T = unknown> {
  /** What `save` returned for it in the previous generation. */
  data: T;
}

/** What the process that runs the app gives it: a worker under a primary, or a process of its own. */
export interface AppHost {
  keep<T>(key: string, init: () => T, options: KeepOptions<T>): T;
  keepSockets(server: Server, options: KeepSocketsOptions): void;
  keepWebSockets(server: WebSocketServerLike, options: KeepWebSocketsOptions<never>): void;
  onShutdown(name: string, component: AppComponent): () => void;
  run<App>(steps: AppSteps<App>): Promise<void>;
}

// The command line tool and the app may each have a copy of this package: both find the one host here.
const HOST = Symbol.for('handover.host');

type WithHost = typeof globalThis & { [HOST]?: AppHost };

export function getAppHost(): AppHost | undefined {
  return (globalThis as WithHost)[HOST];
}

export function setAppHost(host: AppHost): AppHost {
  (globalThis as WithHost)[HOST] = host;
  return host;
}
