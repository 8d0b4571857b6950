import { subscribe } from 'node:diagnostics_channel';
import type { ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { performance } from 'node:perf_hooks';
import { Server as TlsServer, TLSSocket } from 'node:tls';
import { packRequest, unpackRequest } from '../../http-luggage.ts';
import type { HandBack } from './hand-backs.ts';
import {
  awaitNextRequest,
  checkHttpInternals,
  detachHandle,
  endEventStream,
  giveBytes,
  httpServerOf,
  isEventStream,
  isUntouched,
  requestOf,
  responseOf,
  setReading,
  speaksHttp,
  unfinishedRequests,
  type HttpServer,
} from './http-connections.ts';
import { guardRequests } from './late-requests.ts';
import type { ListenHandle } from './listeners.ts';

interface Connection {
  socket: Socket;
  /** The primary's id of the listener to hand it back to; undefined when it can't move (TLS, no primary). */
  listener: number | undefined;
  /** An earlier generation has answered requests on it. */
  isIdle: boolean;
  /** When the last request on it began, as performance.now() tells. */
  began: number;
  /** The response in flight, whose end is waited for. While this generation serves, it is not noted. */
  response?: ServerResponse | undefined;
  /** A request that comes now is not begun, but goes with the connection. */
  guarded?: boolean;
  /** The rest of a request is awaited that was answered already. */
  hasRest?: boolean;
  /** What has been read of a request that was not begun, and behind it. */
  late?: Buffer;
  /** Idle and not being read, with the idle timeout that was switched off meanwhile. */
  frozen?: { timeout: number };
  /** The end of its last response has not reached the kernel yet. */
  flushing?: boolean;
}

/** A connection that the primary has sent. */
interface Accepting {
  listener: number;
  isIdle: boolean;
  /** What was read of its next request by the generation that it comes from. */
  bytes: Buffer | undefined;
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
  #accepting: Accepting | undefined;
  #mode: Mode = 'serving';
  #settled: (() => void) | undefined;
  /** While requests are waited for: a request that has taken longer than this, in milliseconds, is not. */
  #longest = Infinity;
  #recheck: NodeJS.Timeout | undefined;
  #checkScheduled = false;
  #moved = 0;

  constructor(handBack: (connection: HandBack) => void) {
    checkHttpInternals();
    this.#handBack = handBack;
    subscribe('net.server.socket', (message) => this.#track((message as { socket: Socket }).socket, this.#accepting));
    // Called for every request, in the time of which each operation counts.
    subscribe('http.server.request.start', (message) => {
      const { socket, response } = message as { socket: Socket; response: ServerResponse };
      const connection = this.#connections.get(socket);
      if (connection) connection.began = performance.now();
      if (this.#mode !== 'serving' || !connection) this.#onRequest(socket, response);
    });
  }

  /** How many connections have been handed back. */
  get moved(): number {
    return this.#moved;
  }

  /** Gives a connection from the primary to the server that listens. */
  accept(connection: HandBack, server: ListenHandle): void {
    const { listener, handle, isIdle, luggage } = connection;
    // A request goes with it, which is not to be begun here any more.
    if (luggage && (this.#mode === 'quiescing' || this.#mode === 'moving')) {
      this.#handBack(connection);
      return;
    }
    this.#accepting = { listener, isIdle, bytes: unpackRequest(luggage) };
    server.onconnection?.(0, handle);
    this.#accepting = undefined;
  }

  /**
   * Freezes what is idle and waits until each request in flight has been answered or has taken `timeout` ms, counted
   * from when it began. Streams that never end are not waited for. Returns the requests that have outlived that.
   */
  async quiesce(timeout: number): Promise<string[]> {
    this.#mode = 'quiescing';
    this.#longest = timeout;
    await this.#settle(timeout);
    this.#longest = Infinity;
    return Array.from(this.#pending(), ({ name }) => name);
  }

  /** Serves again after a rollback. */
  resume(): void {
    this.#mode = 'serving';
    this.#settled?.();
    this.#unsuspend();
    this.#busy = [];
    for (const connection of this.#connections.values()) {
      // The primary gives it back, with a parser that reads it from the start.
      if (connection.late && !connection.response) this.#release(connection);
      else this.#thaw(connection);
    }
  }

  /**
   * Hands back (`move`) or closes every connection as it falls idle. Waits until none is left, at most
   * `timeout` ms; then cuts what is left and names it.
   */
  async drain(timeout: number, { move }: { move: boolean }): Promise<string[]> {
    this.#mode = move ? 'moving' : 'closing';
    for (const { socket } of this.#connections.values()) {
      const response = responseOf(socket);
      if (response && isEventStream(response)) endEventStream(response);
      else if (response && !move) this.#makeLast(response);
      const isUpgraded = httpServerOf(socket) !== undefined && !speaksHttp(socket) && !isTlsTransport(socket);
      if (isUpgraded || (!move && httpServerOf(socket) === undefined)) socket.end();
    }
    await this.#settle(timeout);
    const left = Array.from(this.#pending(), ({ name }) => name);
    for (const { socket } of this.#connections.values()) socket.destroy();
    return left;
  }

  #track(socket: Socket, from?: Accepting): Connection | undefined {
    if (socket.destroyed) return undefined;
    const { listener, isIdle = false, bytes } = from ?? {};
    const connection: Connection = { socket, listener, isIdle, began: performance.now() };
    this.#connections.set(socket, connection);
    socket.once('close', () => {
      this.#connections.delete(socket);
      this.#scheduleCheck();
    });
    if (isIdle) awaitNextRequest(socket);
    if (bytes) giveBytes(socket, bytes);
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
      else if (connection.late && this.#mode === 'serving') this.#release(connection);
      else this.#suspend(connection);
      this.#scheduleCheck();
    });
  }

  /** Its request was answered before all of it had come. */
  #followRest(connection: Connection): void {
    const request = requestOf(connection.socket);
    if (!request || connection.hasRest) return;
    connection.hasRest = true;
    request.once('close', () => {
      connection.hasRest = false;
      this.#suspend(connection);
      this.#scheduleCheck();
    });
  }

  #guard(connection: Connection): void {
    const mayBegin = (): boolean => this.#mode === 'serving' || this.#mode === 'closing';
    connection.guarded = guardRequests(connection.socket, mayBegin, (bytes) => {
      connection.late = bytes;
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
    const wait = this.#wait();
    if (wait <= 0) this.#settled?.();
    else if (wait < Infinity && !this.#recheck) {
      this.#recheck = setTimeout(() => {
        this.#recheck = undefined;
        this.#check();
      }, wait);
    }
  }

  /** How long there may be something to wait for, in milliseconds. */
  #wait(): number {
    let last = -Infinity;
    for (const { since } of this.#pending()) last = Math.max(last, since);
    return last === -Infinity ? 0 : last + this.#longest - performance.now();
  }

  #settle(timeout: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(() => this.#settled?.(), timeout);
      this.#settled = () => {
        clearTimeout(timer);
        clearTimeout(this.#recheck);
        this.#recheck = this.#settled = undefined;
        resolve();
      };
      this.#check();
    });
  }

  /** What is still waited for, as a person would name it. */
  *#pending(): Generator<{ name: string; since: number }, void> {
    const draining = this.#mode !== 'quiescing';
    for (const { socket, response, frozen, guarded, began: since } of draining
      ? this.#connections.values()
      : this.#busy) {
      if (!this.#connections.has(socket)) continue;
      if (response) {
        if (draining || !isEventStream(response)) yield { name: `${response.req.method} ${response.req.url}`, since };
      } else if (draining) {
        yield { name: `a connection of ${clientOf(socket)}`, since };
      } else if (!frozen && !guarded && speaksHttp(socket)) {
        yield { name: `a request of ${clientOf(socket)} of which only a part has arrived`, since };
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
        const isIdle = unfinished.get(server)?.has(socket) === false || isUntouched(socket);
        if (isIdle || connection.late) this.#freeze(connection);
        else this.#followRest(connection);
      }
      if (connection.frozen) continue;
      this.#busy.push(connection);
      if (server && connection.listener !== undefined && speaksHttp(socket)) this.#guard(connection);
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
        if (this.#mode === 'serving') this.#release(connection);
        else this.#scheduleCheck();
      });
    } else {
      this.#connections.delete(socket);
      const isIdle = connection.isIdle || !isUntouched(socket);
      const handle = detachHandle(socket);
      if (!handle) return;
      if (this.#mode === 'moving') this.#moved++;
      this.#handBack({ listener, handle, isIdle, ...(connection.late && { luggage: packRequest(connection.late) }) });
    }
  }
}

function clientOf(socket: Socket): string {
  return socket.remoteAddress ?? 'a local client';
}

/** The raw side of a TLS connection: it ends with its TLSSocket. */
function isTlsTransport(socket: Socket): boolean {
  return httpServerOf(socket) instanceof TlsServer && !(socket instanceof TLSSocket);
}
