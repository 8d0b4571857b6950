import { subscribe } from 'node:diagnostics_channel';
import type { ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { Server as TlsServer, TLSSocket } from 'node:tls';
import type { HandBack } from './hand-backs.ts';
import {
  awaitNextRequest,
  checkHttpInternals,
  detachHandle,
  httpServerOf,
  isEventStream,
  isUntouched,
  responseOf,
  setReading,
  speaksHttp,
  unfinishedRequests,
  type HttpServer,
} from './http-connections.ts';
import type { ListenHandle } from './listeners.ts';

interface Connection {
  socket: Socket;
  /** The primary's id of the listener to hand it back to; undefined when it can't move (TLS, no primary). */
  listener: number | undefined;
  /** An earlier generation has answered requests on it. */
  isIdle: boolean;
  /** The response in flight, whose end is waited for. While this generation serves, it is not noted. */
  response?: ServerResponse | undefined;
  /** Idle and not being read, with the idle timeout that was switched off meanwhile. */
  frozen?: { timeout: number };
  /** The end of its last response has not reached the kernel yet. */
  flushing?: boolean;
}

/**
 * - serving: requests are read and handled.
 * - quiescing: a connection that falls idle is frozen.
 * - moving: what is frozen is handed back; event streams and upgraded connections are ended.
 * - closing: there is no next generation: what is frozen is closed.
 */
type Mode = 'serving' | 'quiescing' | 'moving' | 'closing';

/** All connections and HTTP requests of this process, and what becomes of them in a restart. */
export class Connections {
  readonly #connections = new Map<Socket, Connection>();
  /** Those whose last response has ended: not being read until it is known whether they are idle. */
  readonly #suspended = new Set<Connection>();
  /** Those that were not idle when that was looked for last. */
  #busy: Connection[] = [];
  readonly #handBack: (connection: HandBack) => void;
  #accepting: { listener: number; isIdle: boolean } | undefined;
  #mode: Mode = 'serving';
  #settled: (() => void) | undefined;
  #checkScheduled = false;
  #moved = 0;

  constructor(handBack: (connection: HandBack) => void) {
    checkHttpInternals();
    this.#handBack = handBack;
    subscribe('net.server.socket', (message) => this.#track((message as { socket: Socket }).socket, this.#accepting));
    // Called for every request, in the time of which each operation counts.
    subscribe('http.server.request.start', (message) => {
      const { socket, response } = message as { socket: Socket; response: ServerResponse };
      if (this.#mode !== 'serving' || !this.#connections.has(socket)) this.#onRequest(socket, response);
    });
  }

  /** How many connections have been handed back. */
  get moved(): number {
    return this.#moved;
  }

  /** Gives a connection from the primary to the server that listens. */
  accept({ listener, handle, isIdle }: HandBack, server: ListenHandle): void {
    this.#accepting = { listener, isIdle };
    server.onconnection?.(0, handle);
    this.#accepting = undefined;
  }

  /**
   * Freezes what is idle and waits until the requests in flight have been answered, at most `timeout` ms.
   * Streams that never end are not waited for. Returns the requests that have outlived the timeout.
   */
  async quiesce(timeout: number): Promise<string[]> {
    this.#mode = 'quiescing';
    await this.#settle(timeout);
    return [...this.#pending()];
  }

  /** Serves again after a rollback. */
  resume(): void {
    this.#mode = 'serving';
    this.#settled?.();
    this.#unsuspend();
    this.#busy = [];
    for (const connection of this.#connections.values()) this.#thaw(connection);
  }

  /**
   * Hands back (`move`) or closes every connection as it falls idle. Waits until none is left, at most
   * `timeout` ms; then cuts what is left and names it.
   */
  async drain(timeout: number, { move }: { move: boolean }): Promise<string[]> {
    this.#mode = move ? 'moving' : 'closing';
    for (const connection of this.#connections.values()) {
      const { socket } = connection;
      const response = responseOf(socket);
      if (response && isEventStream(response)) response.end();
      else if (response && !move) this.#makeLast(response);
      if (isUpgraded(socket)) this.#endUpgraded(connection);
      else if (!move && httpServerOf(socket) === undefined) socket.end();
    }
    await this.#settle(timeout);
    const left = [...this.#pending()];
    for (const { socket } of this.#connections.values()) socket.destroy();
    return left;
  }

  #endUpgraded(connection: Connection): void {
    const { socket } = connection;
    if (connection.frozen) {
      // What its client has sent since the capture is for nobody; that the client ends it, too, is to be read.
      for (const event of ['data', 'readable']) socket.removeAllListeners(event);
      this.#thaw(connection);
      socket.resume();
    }
    socket.end();
  }

  #track(socket: Socket, from?: { listener: number; isIdle: boolean }): Connection | undefined {
    if (socket.destroyed) return undefined;
    const connection: Connection = { socket, listener: from?.listener, isIdle: from?.isIdle ?? false };
    this.#connections.set(socket, connection);
    socket.once('close', () => {
      this.#connections.delete(socket);
      this.#scheduleCheck();
    });
    if (connection.isIdle) awaitNextRequest(socket);
    this.#scheduleCheck();
    return connection;
  }

  #onRequest(socket: Socket, response: ServerResponse): void {
    // A TLS connection shows itself with its first request; what was accepted is only its transport.
    const connection = this.#connections.get(socket) ?? this.#track(socket);
    if (this.#mode === 'closing') this.#makeLast(response);
    if (connection && this.#mode !== 'serving') this.#follow(connection, response);
  }

  #follow(connection: Connection, response: ServerResponse): void {
    // A pipelined one comes after it.
    if (connection.response) return;
    connection.response = response;
    response.once('close', () => {
      connection.response = undefined;
      const next = responseOf(connection.socket);
      if (next) this.#follow(connection, next);
      else this.#suspend(connection);
      this.#scheduleCheck();
    });
  }

  /** At once: its client may have sent the next request already, which is for the next generation. */
  #suspend(connection: Connection): void {
    if (this.#mode === 'serving' || connection.frozen || !speaksHttp(connection.socket)) return;
    this.#suspended.add(connection);
    setReading(connection.socket, false);
  }

  #makeLast(response: ServerResponse): void {
    if (!response.headersSent) response.setHeader('connection', 'close');
  }

  // Once for all that happens in one turn of the event loop: asking Node for its idle connections costs their number.
  #scheduleCheck(): void {
    if (this.#mode === 'serving' || this.#checkScheduled) return;
    this.#checkScheduled = true;
    setImmediate(() => {
      this.#checkScheduled = false;
      this.#check();
    });
  }

  #check(): void {
    if (this.#mode === 'serving') return;
    this.#freezeIdle();
    if (this.#mode !== 'quiescing') {
      for (const connection of this.#connections.values()) if (connection.frozen) this.#release(connection);
    }
    if (this.#pending().next().done) this.#settled?.();
  }

  #settle(timeout: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(() => this.#settled?.(), timeout);
      this.#settled = () => {
        clearTimeout(timer);
        this.#settled = undefined;
        resolve();
      };
      this.#check();
    });
  }

  /** What is still waited for, as a person would name it. */
  *#pending(): Generator<string, void> {
    const draining = this.#mode !== 'quiescing';
    for (const { socket, response, frozen } of draining ? this.#connections.values() : this.#busy) {
      if (!this.#connections.has(socket)) continue;
      if (response) {
        if (draining || !isEventStream(response)) yield `${response.req.method} ${response.req.url}`;
      } else if (draining) {
        yield `a connection of ${clientOf(socket)}`;
      } else if (!frozen && speaksHttp(socket)) {
        yield `a request of ${clientOf(socket)} of which only a part has arrived`;
      }
    }
  }

  /** One walk through all connections, since the pause lasts at least as long as it takes. */
  #freezeIdle(): void {
    const unfinished = new Map<HttpServer, Set<Socket> | undefined>();
    this.#busy = [];
    for (const connection of this.#connections.values()) {
      const { socket, frozen } = connection;
      if (frozen) continue;
      const response = responseOf(socket);
      const server = httpServerOf(socket);
      if (response) this.#follow(connection, response);
      else if (server && speaksHttp(socket)) {
        if (!unfinished.has(server)) unfinished.set(server, unfinishedRequests(server));
        if (unfinished.get(server)?.has(socket) === false || isUntouched(socket)) this.#freeze(connection);
        // Else it goes on to change a state that was captured.
      } else if (this.#mode === 'quiescing' && isUpgraded(socket)) this.#freeze(connection);
      if (!connection.frozen) this.#busy.push(connection);
    }
    this.#unsuspend();
  }

  /** A part of the next request had been read with the last one: its rest is waited for. */
  #unsuspend(): void {
    for (const { socket, frozen } of this.#suspended) if (!frozen) setReading(socket, true);
    this.#suspended.clear();
  }

  #freeze(connection: Connection): void {
    const { socket } = connection;
    setReading(socket, false);
    // Its keep-alive timeout would close it, with a request waiting unread.
    connection.frozen = { timeout: socket.timeout ?? 0 };
    if (connection.frozen.timeout > 0) socket.setTimeout(0);
  }

  #thaw(connection: Connection): void {
    if (!connection.frozen) return;
    if (connection.frozen.timeout > 0) connection.socket.setTimeout(connection.frozen.timeout);
    delete connection.frozen;
    setReading(connection.socket, true);
  }

  #release(connection: Connection): void {
    const { socket, listener } = connection;
    // Its last response was the last one for its client, too: it is being closed.
    if (socket.writableEnded) return;
    if (this.#mode === 'closing' || listener === undefined) {
      socket.destroySoon();
    } else if (socket.writableLength > 0) {
      if (connection.flushing) return;
      connection.flushing = true;
      socket.write('', () => {
        connection.flushing = false;
        this.#scheduleCheck();
      });
    } else {
      this.#connections.delete(socket);
      const isIdle = connection.isIdle || !isUntouched(socket);
      const handle = detachHandle(socket);
      if (!handle) return;
      this.#moved++;
      this.#handBack({ listener, handle, isIdle });
    }
  }
}

function clientOf(socket: Socket): string {
  return socket.remoteAddress ?? 'a local client';
}

/** A WebSocket, for example. */
function isUpgraded(socket: Socket): boolean {
  return httpServerOf(socket) !== undefined && !speaksHttp(socket) && !isTlsTransport(socket);
}

/** The raw side of a TLS connection: it ends with its TLSSocket. */
function isTlsTransport(socket: Socket): boolean {
  return httpServerOf(socket) instanceof TlsServer && !(socket instanceof TLSSocket);
}
