import type { Server } from 'node:net';
import { HandoverError } from '../errors.ts';
import {
  getAppHost,
  setAppHost,
  type AppComponent,
  type AppHost,
  type AppSteps,
  type KeepOptions,
  type KeepSocketsOptions,
  type KeepWebSocketsOptions,
  type StartContext,
  type WebSocketOf,
  type WebSocketServerLike,
} from './app-host.ts';
import { checkKeepSockets } from './connections/keep-sockets.ts';
import { checkKeepWebSockets } from './connections/keep-web-sockets.ts';
import { Standalone } from './standalone.ts';

/**
 * Runs the app in this process: under a primary of handover as the worker that it is, else (production) directly.
 * Resolves when the app serves. Rejects with what `load`, `prepare` or `start` threw.
 *
 * @param app the app in its steps, or just a function that starts it
 */
export async function runWorker<App>(app: AppSteps<App> | ((context: StartContext) => unknown)): Promise<void> {
  if (typeof app === 'function') {
    await appHost().run({ load: () => undefined, start: (_app, context) => app(context) });
    return;
  }
  for (const step of ['load', 'start'] as const) {
    if (typeof app?.[step] !== 'function') {
      throw new HandoverError(
        'INVALID_OPTION',
        `runWorker(): expected ${step} to be a function, got ${typeof app?.[step]}`,
      );
    }
  }
  for (const step of ['prepare', 'save'] as const) {
    if (app[step] !== undefined && typeof app[step] !== 'function') {
      throw new HandoverError(
        'INVALID_OPTION',
        `runWorker(): expected ${step} to be a function, got ${typeof app[step]}`,
      );
    }
  }
  await appHost().run(app);
}

/**
 * Returns the value that the previous generation kept under this key, at once; `init()` when there is none. Within
 * a process it is always the same object. Outside handover it calls `init`.
 *
 * @throws HandoverError STATE_REJECTED when the carried value has another version and there is no `migrate`, or
 *   does not pass `validate`: the start fails, the old generation serves on with its state.
 */
export function keep<T>(key: string, init: () => T, options: KeepOptions<T> = {}): T {
  return appHost().keep(key, init, options);
}

/**
 * Lets the WebSockets of a `WebSocketServer` (npm `ws`, version 8) move to the next generation, each with its place in both
 * streams of messages. There the server of the same name emits `connection` for it again: with the socket, the request
 * with which it began, and `{ data }`, what `save` returned for it. Here it emits `moved`, and not `close`. To be called
 * before the first client connects. Outside handover it does nothing.
 *
 * @throws HandoverError WS_UNSUPPORTED when the server is not of a version of `ws` that this is known to work with
 */
export function keepWebSockets<S extends WebSocketServerLike>(
  server: S,
  options: KeepWebSocketsOptions<WebSocketOf<S>> = {},
): void {
  checkKeepWebSockets(server, options as KeepWebSocketsOptions);
  appHost().keepWebSockets(server, options);
}

/**
 * Lets the connections of a `net.Server`, TCP or Unix sockets, move to the next generation. There the server that listens
 * at the same address emits `connection` for it again: with the socket and `{ data }`, what `save` returned for it. Here
 * it emits `moved`, and not `close`. To be called before the first client connects. Outside handover it does nothing.
 */
export function keepSockets(server: Server, options: KeepSocketsOptions = {}): void {
  checkKeepSockets(server, options);
  appHost().keepSockets(server, options);
}

/**
 * Registers a part of the app that must rest before the state is captured, or end before the process does. Outside
 * handover it is stopped on SIGTERM and SIGINT. Returns a function that takes it out again.
 */
export function onShutdown(name: string, component: AppComponent): () => void {
  return appHost().onShutdown(name, component);
}

function appHost(): AppHost {
  return getAppHost() ?? setAppHost(new Standalone());
}
