import { subscribe } from 'node:diagnostics_channel';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { Server as TlsServer, TLSSocket } from 'node:tls';
import type { RawHandle } from '../protocol.ts';
import type { HandBack } from './hand-backs.ts';
import {
  detachHandle,
  httpServerOf,
  idleConnections,
  isEventStream,
  isUntouched,
  setReading,
  speaksHttp,
  type HttpServer,
} from './http-connections.ts';
import type { ListenHandle } from './listeners.ts';

interface Connection {
  socket: Socket;
  /** The primary's id of the listener to hand it back to; undefined when it can't move (TLS, no primary). */
  listener: number | undefined;
  /** Requests of it that are being handled. */
  requests: number;
  /** Its last response has ended: not being read until it is known whether it is idle. */
  suspended?: boolean;
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
  readonly #requests = new Map<ServerResponse, IncomingMessage>();
  readonly #handBack: (connection: HandBack) => void;
  #accepting: number | undefined;
  #mode: Mode = 'serving';
  #settled: (() => void) | undefined;
  #checkScheduled = false;
  #moved = 0;

  constructor(handBack: (connection: HandBack) => void) {
    this.#handBack = handBack;
    subscribe('net.server.socket', (message) => this.#track((message as { socket: Socket }).socket, this.#accepting));
    subscribe('http.server.request.start', (message) => {
      const { request, response } = message as { request: IncomingMessage; response: ServerResponse };
      this.#begin(request, response);
    });
  }

  /** How many connections have been handed back. */
  get moved(): number {
    return this.#moved;
  }

  /** Gives a connection from the primary to the server that listens. */
  accept(listener: number, server: ListenHandle, connection: RawHandle): void {
    this.#accepting = listener;
    server.onconnection?.(0, connection);
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
    for (const connection of this.#connections.values()) {
      if (connection.suspended) this.#unsuspend(connection);
      this.#thaw(connection);
    }
  }

  /**
   * Hands back (`move`) or closes every connection as it falls idle. Waits until none is left, at most
   * `timeout` ms; then cuts what is left and names it.
   */
  async drain(timeout: number, { move }: { move: boolean }): Promise<string[]> {
    this.#mode = move ? 'moving' : 'closing';
    for (const response of this.#requests.keys()) {
      if (isEventStream(response)) response.end();
      else if (!move) this.#makeLast(response);
    }
    for (const { socket } of this.#connections.values()) {
      const isUpgraded = httpServerOf(socket) !== undefined && !speaksHttp(socket) && !isTlsTransport(socket);
      if (isUpgraded || (!move && httpServerOf(socket) === undefined)) socket.end();
    }
    await this.#settle(timeout);
    const left = [...this.#pending()];
    for (const { socket } of this.#connections.values()) socket.destroy();
    return left;
  }

  #track(socket: Socket, listener: number | undefined): Connection | undefined {
    if (socket.destroyed) return undefined;
    const connection: Connection = { socket, listener, requests: 0 };
    this.#connections.set(socket, connection);
    socket.once('close', () => {
      this.#connections.delete(socket);
      this.#scheduleCheck();
    });
    this.#scheduleCheck();
    return connection;
  }

  #begin(request: IncomingMessage, response: ServerResponse): void {
    const { socket } = request;
    // A TLS connection shows itself with its first request; what was accepted is only its transport.
    const connection = this.#connections.get(socket) ?? this.#track(socket, undefined);
    this.#requests.set(response, request);
    if (connection) connection.requests++;
    response.once('close', () => {
      this.#requests.delete(response);
      if (connection) connection.requests--;
      if (connection?.requests === 0) this.#suspend(connection);
      this.#scheduleCheck();
    });
    if (this.#mode === 'closing') this.#makeLast(response);
  }

  /** At once: its client may have sent the next request already, which is for the next generation. */
  #suspend(connection: Connection): void {
    if (this.#mode === 'serving' || connection.frozen || !speaksHttp(connection.socket)) return;
    connection.suspended = true;
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
    for (const [response, request] of this.#requests) {
      if (draining || !isEventStream(response)) yield `${request.method} ${request.url}`;
    }
    for (const { socket, requests, frozen } of this.#connections.values()) {
      const client = socket.remoteAddress ?? 'a local client';
      if (draining) {
        if (requests === 0) yield `a connection of ${client}`;
      } else if (!frozen && requests === 0 && speaksHttp(socket)) {
        yield `a request of ${client} of which only a part has arrived`;
      }
    }
  }

  #freezeIdle(): void {
    const sockets = new Map<HttpServer, Socket[]>();
    for (const { socket, frozen } of this.#connections.values()) {
      if (!speaksHttp(socket)) continue;
      if (!frozen && isUntouched(socket)) this.#freeze(socket);
      // What is frozen is idle to Node, too, and must not be closed by asking.
      const server = httpServerOf(socket) as HttpServer;
      const known = sockets.get(server);
      if (known) known.push(socket);
      else sockets.set(server, [socket]);
    }
    for (const [server, known] of sockets) {
      for (const socket of idleConnections(server, known)) this.#freeze(socket);
    }
    for (const connection of this.#connections.values()) if (connection.suspended) this.#unsuspend(connection);
  }

  /** A part of the next request had been read with the last one: its rest is waited for. */
  #unsuspend(connection: Connection): void {
    delete connection.suspended;
    if (!connection.frozen) setReading(connection.socket, true);
  }

  #freeze(socket: Socket): void {
    const connection = this.#connections.get(socket);
    if (!connection || connection.frozen) return;
    setReading(socket, false);
    // Its keep-alive timeout would close it, with a request waiting unread.
    connection.frozen = { timeout: socket.timeout ?? 0 };
    socket.setTimeout(0);
  }

  #thaw(connection: Connection): void {
    if (!connection.frozen) return;
    connection.socket.setTimeout(connection.frozen.timeout);
    delete connection.frozen;
    setReading(connection.socket, true);
  }

  #release(connection: Connection): void {
    const { socket, listener } = connection;
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
      const isIdle = !isUntouched(socket);
      const handle = detachHandle(socket);
      if (!handle) return;
      this.#moved++;
      this.#handBack({ listener, handle, isIdle });
    }
  }
}

/** The raw side of a TLS connection: it ends with its TLSSocket. */
function isTlsTransport(socket: Socket): boolean {
  return httpServerOf(socket) instanceof TlsServer && !(socket instanceof TLSSocket);
}
