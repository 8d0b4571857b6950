import { subscribe } from 'node:diagnostics_channel';
import type { ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { performance } from 'node:perf_hooks';
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
import { Unpackers } from './luggage.ts';
import type { Movable } from './movable.ts';
import { Moves, type Leaving } from './moves.ts';
import { resumeReading, stopReading } from './reading.ts';
import { watchUpgrades } from './upgrades.ts';
import { GOING_AWAY, SERVICE_RESTART, WebSocketOutput } from './web-socket-output.ts';

interface Connection extends Leaving {
  /** The primary's id of the listener to hand it back to; undefined when it can't move (TLS, no primary). */
  listener: number | undefined;
  /** An earlier generation has answered requests on it. */
  isIdle: boolean;
  /** It has moved here in the midst of its protocol, and is not read before the others have. */
  isEarly: boolean;
  /** The response in flight, whose end is waited for. While this generation serves, it is not noted. */
  response?: ServerResponse | undefined;
  /** Not being read, since when, with the idle timeout that was switched off meanwhile. */
  frozen?: { timeout: number; since: number };
  /** It was told to end. */
  isEnding?: boolean;
}

/**
 * - serving: requests are read and handled.
 * - quiescing: a connection that falls idle is frozen.
 * - moving: what is frozen is handed back; event streams and upgraded connections that can't move are ended.
 * - closing: there is no next generation: what is frozen is closed.
 */
type Mode = 'serving' | 'quiescing' | 'moving' | 'closing';

/** How long connections that have moved wait for others at most, in milliseconds. */
const LONGEST_ARRIVAL = 1000;

/** All connections and HTTP requests of this process, and what becomes of them in a restart. */
export class Connections {
  /** Who takes over what is more than a connection between two requests. */
  readonly unpackers: Unpackers = new Unpackers();
  readonly #connections = new Map<Socket, Connection>();
  /** Those that can move in the midst of their protocol. */
  readonly #movables = new WeakMap<Socket, Movable>();
  readonly #webSockets = new WeakMap<Socket, WebSocketOutput>();
  /** Those whose last response has ended: not being read until it is known whether they are idle. */
  readonly #suspended = new Set<Connection>();
  /** Those that were not idle when that was looked for last. */
  #busy: Connection[] = [];
  readonly #moves = new Moves(() => this.#scheduleCheck());
  readonly #handBack: (connection: HandBack) => void;
  #accepting: { listener: number; isIdle: boolean; isEarly: boolean } | undefined;
  /** Ends the time in which connections arrive from the generation before; undefined: it has not begun. */
  #arrival: NodeJS.Timeout | undefined;
  #haveAllMoved = false;
  #mode: Mode = 'serving';
  #settled: (() => void) | undefined;
  #checkScheduled = false;
  #moved = 0;

  constructor(handBack: (connection: HandBack) => void) {
    checkHttpInternals();
    this.#handBack = handBack;
    subscribe('net.server.socket', (message) => this.#track((message as { socket: Socket }).socket));
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

  /** Resolves when every connection has been handed back that need not wait for its client or the app. */
  movedAtOnce(): Promise<void> {
    return this.#moves.movedAtOnce();
  }

  /** Gives a connection from the primary to the server that listens. */
  accept(connection: HandBack, server: ListenHandle): void {
    const { listener, handle, isIdle, luggage } = connection;
    if (luggage && this.#mode !== 'serving') {
      // It is for the next generation already, or for this one after a rollback: the primary will know.
      this.#handBack(connection);
      return;
    }
    this.#accepting = { listener, isIdle, isEarly: luggage !== undefined && !this.#haveAllMoved };
    if (luggage) this.unpackers.unpack(connection, server);
    else server.onconnection?.(0, handle);
    this.#accepting = undefined;
  }

  /** Lets a connection move in the midst of its protocol. */
  setMovable(socket: Socket, movable: Movable): void {
    this.#movables.set(socket, movable);
    const connection = this.#connections.get(socket);
    if (connection?.isEarly && !connection.frozen) {
      this.#freeze(connection);
      this.#arrival ??= setTimeout(() => this.allMoved(), LONGEST_ARRIVAL).unref();
    }
    this.#scheduleCheck();
  }

  /**
   * Connections that move take messages from now on. What a client sends to all others must not be handled before those
   * are here, too.
   */
  allMoved(): void {
    this.#haveAllMoved = true;
    clearTimeout(this.#arrival);
    for (const connection of this.#connections.values()) {
      if (connection.isEarly && this.#mode === 'serving') this.#thaw(connection);
      connection.isEarly = false;
    }
  }

  /** A connection is a WebSocket, or its client has asked for one: it can be ended with a close code. */
  setWebSocket(socket: Socket, state: 'asked' | 'open'): WebSocketOutput {
    const output = new WebSocketOutput(socket, state, () => this.#scheduleCheck());
    this.#webSockets.set(socket, output);
    return output;
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
   * `timeout` ms; then cuts what is left and names it. What a connection that can move is handling keeps it at most
   * `patience` ms.
   */
  async drain(timeout: number, { move, patience = 0 }: { move: boolean; patience?: number }): Promise<string[]> {
    this.#mode = move ? 'moving' : 'closing';
    this.#moves.patience = patience;
    for (const { socket } of this.#connections.values()) {
      const response = responseOf(socket);
      if (response && isEventStream(response)) response.end();
      else if (response && !move) this.#makeLast(response);
    }
    await this.#settle(timeout);
    const left = [...this.#pending()];
    for (const { socket } of this.#connections.values()) socket.destroy();
    return left;
  }

  #track(
    socket: Socket,
    { listener, isIdle, isEarly } = this.#accepting ?? { listener: undefined, isIdle: false, isEarly: false },
  ): Connection | undefined {
    if (socket.destroyed) return undefined;
    const connection: Connection = { socket, listener, isIdle, isEarly };
    this.#connections.set(socket, connection);
    socket.once('close', () => {
      this.#connections.delete(socket);
      this.#scheduleCheck();
    });
    if (connection.isIdle) awaitNextRequest(socket);
    watchUpgrades(httpServerOf(socket), (asking) => this.setWebSocket(asking, 'asked'));
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
      for (const connection of this.#connections.values()) {
        if (connection.frozen) this.#release(connection);
        else this.#endUpgraded(connection);
      }
    }
    this.#moves.looked();
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
      } else if (frozen && this.#movables.get(socket)?.isHandling) {
        yield `${this.#movables.get(socket)?.work} of ${clientOf(socket)}`;
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
      const movable = this.#movables.get(socket);
      if (movable) {
        this.#freezeMovable(connection, movable);
        continue;
      }
      if (frozen) continue;
      const response = responseOf(socket);
      const server = httpServerOf(socket);
      if (response) this.#follow(connection, response);
      else if (server && speaksHttp(socket)) {
        if (!unfinished.has(server)) unfinished.set(server, unfinishedRequests(server));
        if (unfinished.get(server)?.has(socket) === false || isUntouched(socket)) this.#freeze(connection);
      }
      if (!connection.frozen) this.#busy.push(connection);
    }
    this.#unsuspend();
  }

  #freezeMovable(connection: Connection, movable: Movable): void {
    if (!movable.isOpen || connection.listener === undefined || this.#mode === 'closing') {
      // Its client's last word has to be read, too.
      this.#thaw(connection);
      return;
    }
    if (!connection.frozen) this.#freeze(connection);
    if (!movable.isHandling || this.#mode !== 'quiescing') return;
    this.#busy.push(connection);
    this.#moves.lookAfter(connection, movable.change());
  }

  /** A part of the next request had been read with the last one: its rest is waited for. */
  #unsuspend(): void {
    for (const { socket, frozen } of this.#suspended) if (!frozen) setReading(socket, true);
    this.#suspended.clear();
  }

  #freeze(connection: Connection): void {
    const { socket } = connection;
    if (this.#movables.has(socket)) stopReading(socket);
    else setReading(socket, false);
    // Its idle timeout would close it, with a request waiting unread.
    connection.frozen = { timeout: socket.timeout ?? 0, since: performance.now() };
    if (connection.frozen.timeout > 0) socket.setTimeout(0);
  }

  #thaw(connection: Connection): void {
    if (!connection.frozen) return;
    if (connection.frozen.timeout > 0) connection.socket.setTimeout(connection.frozen.timeout);
    delete connection.frozen;
    if (this.#movables.has(connection.socket)) resumeReading(connection.socket);
    else setReading(connection.socket, true);
  }

  #release(connection: Connection): void {
    const { socket, listener } = connection;
    const movable = this.#movables.get(socket);
    // Its last response was the last one for its client, too: it is being closed.
    if (socket.writableEnded) return;
    if (this.#mode === 'closing' || listener === undefined) {
      socket.destroySoon();
    } else if (movable) {
      const taken = this.#moves.take(connection, movable);
      if (!taken) return;
      this.#connections.delete(socket);
      this.#moved++;
      this.#handBack({ listener, isIdle: false, ...taken });
      movable.left();
    } else if (socket.writableLength > 0) {
      this.#moves.flush(connection);
    } else {
      this.#connections.delete(socket);
      const isIdle = connection.isIdle || !isUntouched(socket);
      const handle = detachHandle(socket);
      if (!handle) return;
      this.#moved++;
      this.#handBack({ listener, handle, isIdle });
    }
  }

  /** What can't move and would never end by itself. */
  #endUpgraded(connection: Connection): void {
    const { socket } = connection;
    const isMoving = this.#mode === 'moving';
    const webSocket = this.#webSockets.get(socket);
    if (connection.isEnding || webSocket?.isAsked) return;
    const isOfHttp = httpServerOf(socket) !== undefined;
    const isUpgraded = isOfHttp && !speaksHttp(socket) && !isTlsTransport(socket);
    if (!isUpgraded && (isMoving || isOfHttp)) return;
    connection.isEnding = true;
    if (webSocket) webSocket.close(isMoving ? SERVICE_RESTART : GOING_AWAY);
    else socket.end();
  }
}

function clientOf(socket: Socket): string {
  return socket.remoteAddress ?? 'a local client';
}

/** The raw side of a TLS connection: it ends with its TLSSocket. */
function isTlsTransport(socket: Socket): boolean {
  return httpServerOf(socket) instanceof TlsServer && !(socket instanceof TLSSocket);
}
