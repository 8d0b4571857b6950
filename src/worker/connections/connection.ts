import type { ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { performance } from 'node:perf_hooks';
import type { Luggage } from '../../protocol.ts';
import { httpServerOf, isEventStream, setReading, speaksHttp } from './http-connections.ts';
import type { Movable } from './movable.ts';
import type { Leaving } from './moves.ts';
import { resumeReading, stopReading } from './reading.ts';
import type { Pending } from './settling.ts';

/** What is known of a connection. */
export interface Connection extends Leaving {
  /** The primary's id of the listener to hand it back to; undefined when it can't move (no primary). */
  listener: number | undefined;
  /** An earlier generation has answered requests on it. */
  isIdle: boolean;
  /** What came with it, and goes on with it. */
  luggage: Luggage | undefined;
  /** When the last request on it began, as performance.now() tells. */
  began: number;
  /** It has moved here in the midst of its protocol, and is not read before the others have. */
  isEarly: boolean;
  /** The response in flight, whose end is waited for. While this generation serves, it is not noted. */
  response?: ServerResponse | undefined;
  /** A request that comes now is not begun, but goes with the connection. */
  guarded?: boolean;
  /** The rest of a request is awaited that was answered already. */
  hasRest?: boolean;
  /** What has been read of a request that was not begun, and behind it. */
  late?: Buffer;
  /** Not being read, since when, with the idle timeout that was switched off meanwhile. */
  frozen?: { timeout: number; since: number };
  /** It was told to end. */
  isEnding?: boolean;
}

/** Nothing that its client sends is read from now on: it stays in the kernel. */
export function freeze(connection: Connection): void {
  const { socket } = connection;
  if (speaksHttp(socket)) setReading(socket, false);
  else stopReading(socket);
  // Its idle timeout would close it, with a request waiting unread.
  connection.frozen = { timeout: socket.timeout ?? 0, since: performance.now() };
  if (connection.frozen.timeout > 0) socket.setTimeout(0);
}

export function thaw(connection: Connection): void {
  if (!connection.frozen) return;
  if (connection.frozen.timeout > 0) connection.socket.setTimeout(connection.frozen.timeout);
  delete connection.frozen;
  if (speaksHttp(connection.socket)) setReading(connection.socket, true);
  else resumeReading(connection.socket);
}

/** Its client is told to open another one for its next request. */
export function makeLast(response: ServerResponse): void {
  if (!response.headersSent) response.setHeader('connection', 'close');
}

/** A WebSocket, for example. */
export function isUpgraded(socket: Socket): boolean {
  return httpServerOf(socket) !== undefined && !speaksHttp(socket);
}

/** What is waited for on it: until the capture, or (`isDraining`) until it has left. undefined: nothing. */
export function pendingOf(
  connection: Connection,
  movable: Movable | undefined,
  { isDraining }: { isDraining: boolean },
): Pending | undefined {
  const { socket, response, frozen, guarded, began: since } = connection;
  const client = socket.remoteAddress ?? 'a local client';
  if (response) {
    const isAwaited = isDraining || !isEventStream(response);
    return isAwaited ? { name: `${response.req.method} ${response.req.url}`, since } : undefined;
  }
  if (isDraining) return { name: `a connection of ${client}`, since };
  if (frozen) return movable?.isHandling ? { name: `${movable.work} of ${client}`, since: frozen.since } : undefined;
  const hasBegun = !guarded && speaksHttp(socket);
  return hasBegun ? { name: `a request of ${client} of which only a part has arrived`, since } : undefined;
}
