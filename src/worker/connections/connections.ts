import { subscribe } from 'node:diagnostics_channel';
import type { ServerResponse } from 'node:http';
import type { Server, Socket } from 'node:net';
import { performance } from 'node:perf_hooks';
import { packRequest, unpackRequest } from '../../http-luggage.ts';
import { Arrival } from './arrival.ts';
import { freeze, isUpgraded, makeLast, pendingOf, thaw, type Connection } from './connection.ts';
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
  responseOf,
  speaksHttp,
  unfinishedRequests,
  type HttpServer,
} from './http-connections.ts';
import { Http2Sessions } from './http2-sessions.ts';
import type { ListenHandle } from './listeners.ts';
import { Unpackers } from './luggage.ts';
import type { Movable } from './movable.ts';
import { Moves } from './moves.ts';
import type { ProtocolPart } from './protocol-part.ts';
import { RequestsInFlight } from './requests-in-flight.ts';
import { Settling, type Pending } from './settling.ts';
import { TlsConnections, type Origin } from './tls-connections.ts';
import { UpgradedConnections } from './upgraded-connections.ts';
import { watchUpgrades } from './upgrades.ts';

/** A connection that the primary has sent. */
interface Accepting extends Origin {
  /** What was read of its next request by the generation that it comes from. */
  bytes?: Buffer | undefined;
}

/**
 * - serving: requests are read and handled.
 * - quiescing: a connection that falls idle is frozen.
 * - moving: what is frozen is handed back; event streams and upgraded connections that can't move are ended.
 * - closing: there is no next generation: what is frozen is closed.
 */
type Mode = 'serving' | 'quiescing' | 'moving' | 'closing';

/** All connections and HTTP requests of this process, and what becomes of them in a restart. */
export class Connections {
  /** Who takes over what is more than a connection between two requests. */
  readonly unpackers: Unpackers = new Unpackers();
  readonly upgraded: UpgradedConnections = new UpgradedConnections(() => this.#scheduleCheck());
  readonly #connections = new Map<Socket, Connection>();
  /** Those that can move in the midst of their protocol. */
  readonly #movables = new WeakMap<Socket, Movable>();
  readonly #requests = new RequestsInFlight({
    isServing: () => this.#mode === 'serving',
    mayBegin: () => this.#mode === 'serving' || this.#mode === 'closing',
    onChange: () => this.#scheduleCheck(),
    onLate: (connection) => this.#release(connection),
  });
  /** Those that were not idle when that was looked for last. */
  #busy: Connection[] = [];
  readonly #moves = new Moves<Connection>((connection) => this.#onMovable(connection));
  readonly #handBack: (connection: HandBack | Promise<HandBack | undefined>) => void;
  readonly #tls = new TlsConnections({
    onSecure: (socket, from) => this.#track(socket, from ?? this.#accepting),
    handBack: (connection) => {
      this.#moved++;
      this.#handBack(connection);
    },
    onChange: () => this.#scheduleCheck(),
  });
  readonly #http2 = new Http2Sessions(() => this.#scheduleCheck());
  readonly #parts: ProtocolPart[] = [this.#tls, this.#http2];
  #accepting: Accepting | undefined;
  readonly #arrival = new Arrival(() => this.#onAllMoved());
  readonly #settling = new Settling(
    () => this.#pending(),
    () => this.#check(),
  );
  #mode: Mode = 'serving';
  #quiescedAt = 0;
  #checkScheduled = false;
  #moved = 0;

  constructor(handBack: (connection: HandBack | Promise<HandBack | undefined>) => void) {
    checkHttpInternals();
    this.#handBack = handBack;
    this.unpackers.set(TlsConnections.kind, (...luggage) => this.#tls.unpack(...luggage));
    subscribe('tracing:net.server.listen:asyncStart', (message) => {
      const { server } = message as { server: Server };
      this.#tls.watch(server);
      this.#http2.watch(server);
    });
    subscribe('net.server.socket', (message) => this.#track((message as { socket: Socket }).socket, this.#accepting));
    // Called for every request, in the time of which each operation counts.
    subscribe('http.server.request.start', (message) => {
      const { socket, response } = message as { socket: Socket; response: ServerResponse };
      const connection = this.#connections.get(socket);
      if (connection) connection.began = performance.now();
      if (this.#mode !== 'serving' || !connection) this.#onRequest(socket, response);
      this.#tls.onRequest(socket, response);
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
    const bytes = unpackRequest(luggage);
    const mayBegin = this.#mode === 'serving' || (this.#mode === 'closing' && bytes !== undefined);
    if (luggage && !mayBegin) {
      // It is for the next generation already, or for this one after a rollback: the primary will know.
      this.#handBack(connection);
      return;
    }
    this.#accepting = { listener, isIdle, luggage: bytes ? undefined : luggage, bytes };
    if (luggage && !bytes) this.unpackers.unpack(connection, server);
    else server.onconnection?.(0, handle);
    this.#accepting = undefined;
  }

  /** Lets a connection move in the midst of its protocol. */
  setMovable(socket: Socket, movable: Movable): void {
    this.#movables.set(socket, movable);
    const connection = this.#connections.get(socket);
    if (connection?.isEarly && !connection.frozen) {
      freeze(connection);
      this.#arrival.begin();
    }
    this.#scheduleCheck();
  }

  /**
   * Connections that move take messages from now on. What a client sends to all others must not be handled before those
   * are here, too.
   */
  allMoved(): void {
    this.#arrival.end();
  }

  #onAllMoved(): void {
    for (const connection of this.#connections.values()) {
      if (connection.isEarly && this.#mode === 'serving') thaw(connection);
      connection.isEarly = false;
    }
  }

  /**
   * Freezes what is idle and waits until each request in flight has been answered or has taken `timeout` ms, counted
   * from when it began. Streams that never end are not waited for. Returns the requests that have outlived that.
   */
  quiesce(timeout: number): Promise<string[]> {
    this.#mode = 'quiescing';
    this.#quiescedAt = performance.now();
    for (const part of this.#parts) part.freeze(timeout);
    return this.#settling.wait(timeout, timeout);
  }

  /** Serves again after a rollback. */
  resume(): void {
    this.#mode = 'serving';
    this.#settling.end();
    for (const part of this.#parts) part.thaw();
    this.#requests.unsuspend();
    this.#busy = [];
    for (const connection of this.#connections.values()) {
      // The primary gives it back, with a parser that reads it from the start.
      if (connection.late && !connection.response) this.#release(connection);
      else thaw(connection);
    }
  }

  /**
   * Hands back (`move`) or closes every connection as it falls idle. Waits until none is left, at most
   * `timeout` ms; then cuts what is left and names it. What a connection that can move is handling keeps it at most
   * `patience` ms. With `relay`, this process keeps the TLS ends of what has moved: see relayed().
   */
  async drain(
    timeout: number,
    { move, relay, patience = 0 }: { move: boolean; relay: boolean; patience?: number },
  ): Promise<string[]> {
    this.#mode = move ? 'moving' : 'closing';
    this.#moves.patience = patience;
    if (move && relay) this.#tls.keepEnds();
    for (const part of this.#parts) part.end();
    for (const { socket } of this.#connections.values()) {
      const response = responseOf(socket);
      if (response && isEventStream(response)) endEventStream(response);
      else if (response && !move) makeLast(response);
    }
    const left = await this.#settling.wait(timeout);
    for (const { socket } of this.#connections.values()) socket.destroy();
    for (const part of this.#parts) part.cut();
    return left;
  }

  /** Resolves when no connection that has moved needs this process, at most after `timeout` ms; then it cuts, and names them. */
  relayed(timeout: number): Promise<string[]> {
    return this.#tls.ended(timeout);
  }

  /** What keeps this process from ending, as a person would name it. */
  *left(): Generator<string, void> {
    if (this.#mode !== 'serving') {
      for (const { name } of this.#pending()) yield name;
      return;
    }
    // An app that ends itself closes its servers itself, and what is idle with them.
    for (const { socket } of this.#connections.values()) {
      const response = responseOf(socket);
      if (response) yield `${response.req.method} ${response.req.url}`;
    }
  }

  #track(socket: Socket, from?: Accepting): Connection | undefined {
    if (socket.destroyed || Http2Sessions.owns(socket) || this.#tls.claims(socket, from)) return undefined;
    const { listener, isIdle = false, luggage, bytes } = from ?? {};
    const isEarly = luggage !== undefined && !this.#arrival.hasEnded;
    // What else came with it has been unpacked, and may be large.
    const kept = luggage?.kind === TlsConnections.kind ? luggage : undefined;
    const connection: Connection = { socket, listener, isIdle, isEarly, luggage: kept, began: performance.now() };
    this.#connections.set(socket, connection);
    socket.once('close', () => {
      this.#connections.delete(socket);
      this.#scheduleCheck();
    });
    if (isIdle) awaitNextRequest(socket);
    watchUpgrades(httpServerOf(socket), (asking) => this.upgraded.setWebSocket(asking, 'asked'));
    if (bytes) giveBytes(socket, bytes);
    this.#scheduleCheck();
    return connection;
  }

  #onRequest(socket: Socket, response: ServerResponse): void {
    // One that an app has given to its server itself shows itself with its first request.
    const connection = this.#connections.get(socket) ?? this.#track(socket);
    if (this.#mode === 'closing') makeLast(response);
    if (connection && this.#mode !== 'serving') this.#requests.follow(connection, response);
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
        const stays = isUpgraded(connection.socket) && !this.#movables.has(connection.socket);
        if (connection.frozen && !stays) this.#release(connection);
        else this.upgraded.end(connection, { isRestart: this.#mode === 'moving' });
      }
    }
    this.#moves.looked((connection) => this.#connections.has(connection.socket));
    this.#settling.looked();
  }

  /** What is still waited for, as a person would name it. */
  *#pending(): Generator<Pending, void> {
    const isDraining = this.#mode !== 'quiescing';
    for (const part of this.#parts) {
      for (const name of part.pending(isDraining)) yield { name, since: this.#quiescedAt };
    }
    for (const connection of isDraining ? this.#connections.values() : this.#busy) {
      const { socket } = connection;
      if (!this.#connections.has(socket)) continue;
      const pending = pendingOf(connection, this.#movables.get(socket), { isDraining });
      if (pending) yield pending;
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
      if (response) this.#requests.follow(connection, response);
      else if (server && speaksHttp(socket)) {
        if (!unfinished.has(server)) unfinished.set(server, unfinishedRequests(server));
        const isIdle = unfinished.get(server)?.has(socket) === false || isUntouched(socket);
        if (isIdle || connection.late) freeze(connection);
        else this.#requests.followRest(connection);
        // Else it goes on to change a state that was captured.
      } else if (this.#mode === 'quiescing' && isUpgraded(socket) && !this.upgraded.isAsked(socket)) {
        freeze(connection);
      }
      if (connection.frozen) continue;
      this.#busy.push(connection);
      if (server && this.#mayComeLate(connection) && speaksHttp(socket)) this.#requests.guard(connection);
    }
    this.#requests.unsuspend();
  }

  /** What was read of it, or of its protocol, can go with its descriptor. */
  #canLeave({ socket, listener, luggage }: Connection): boolean {
    return listener !== undefined && !this.#tls.isSecure(socket, luggage);
  }

  /** A request that has come can go with its connection. With a TLS end that stays, from when that relays. */
  #mayComeLate(connection: Connection): boolean {
    const { socket } = connection;
    return this.#canLeave(connection) || (this.#tls.hasEnd(socket) && !this.#tls.mustStay(socket));
  }

  #freezeMovable(connection: Connection, movable: Movable): void {
    if (!movable.isOpen || !this.#canLeave(connection) || this.#mode === 'closing') {
      // Its client's last word has to be read, too.
      thaw(connection);
      return;
    }
    if (!connection.frozen) freeze(connection);
    if (!movable.isHandling || this.#mode !== 'quiescing') return;
    this.#busy.push(connection);
    this.#moves.lookAfter(connection, movable.change());
  }

  /** What kept a connection from moving may have ended. */
  #onMovable(connection: Connection): void {
    if (this.#mode !== 'serving') this.#scheduleCheck();
    else if (connection.late && !connection.response) this.#release(connection);
  }

  #release(connection: Connection): void {
    const { socket, listener } = connection;
    const movable = this.#movables.get(socket);
    // Its last response was the last one for its client, too: it is being closed.
    if (socket.writableEnded) return;
    if (this.#mode === 'closing' || listener === undefined || this.#tls.mustStay(socket)) {
      socket.destroySoon();
    } else if (movable) {
      const taken = this.#moves.take(connection, movable);
      if (!taken) return;
      this.#connections.delete(socket);
      this.#moved++;
      this.#handBack({ listener, isIdle: false, ...taken });
    } else if (socket.writableLength > 0) {
      this.#moves.flush(connection);
    } else {
      this.#connections.delete(socket);
      const isIdle = connection.isIdle || !isUntouched(socket);
      if (this.#tls.hasEnd(socket)) {
        this.#tls.move(socket, { listener, isIdle }, connection.late);
        return;
      }
      const handle = detachHandle(socket);
      if (!handle) return;
      if (this.#mode === 'moving') this.#moved++;
      const { late, luggage } = connection;
      this.#handBack({ listener, handle, isIdle, luggage: late ? packRequest(late) : luggage });
    }
  }
}
