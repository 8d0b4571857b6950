import type { ServerResponse } from 'node:http';
import type { Server, Socket } from 'node:net';
import { Server as TlsServer, TLSSocket } from 'node:tls';
import type { Luggage } from '../../protocol.ts';
import type { HandBack } from './hand-backs.ts';
import { setReading } from './http-connections.ts';
import type { ListenHandle } from './listeners.ts';
import type { ProtocolPart } from './protocol-part.ts';
import { RelayedConnections } from './relayed-connections.ts';
import { tlsFactsOf } from './relayed-tls-socket.ts';
import { TlsRelays } from './tls-relays.ts';

/** How the primary has sent a connection. */
export interface Origin {
  /** The primary's id of the listener. */
  listener: number;
  /** An earlier generation has answered requests on it. */
  isIdle: boolean;
  luggage?: Luggage | undefined;
}

export interface TlsConnectionsOptions {
  /** Called when a server has taken a secure connection over. */
  onSecure: (socket: TLSSocket, from: Origin | undefined) => void;
  handBack: (connection: Promise<HandBack | undefined>) => void;
  /** Called when what is waited for may have ended. */
  onChange: () => void;
}

/** The kind of the luggage of a connection whose TLS end is in an earlier process. */
const TLS = 'tls';

/** The TLS connections of this process: those that are not secure yet, and those of which it is but one end. */
export class TlsConnections implements ProtocolPart {
  static readonly kind: string = TLS;
  readonly #options: TlsConnectionsOptions;
  readonly #servers = new Set<TlsServer>();
  readonly #handshakes = new Map<Socket, Origin | undefined>();
  readonly #relays = new TlsRelays();
  readonly #relayed = new RelayedConnections();
  #isFrozen = false;
  #canMove = false;

  constructor(options: TlsConnectionsOptions) {
    this.#options = options;
  }

  /** Every server that listens. */
  watch(server: Server): void {
    if (!(server instanceof TlsServer) || this.#servers.has(server)) return;
    this.#servers.add(server);
    server.once('close', () => this.#servers.delete(server));
    server.on('secureConnection', this.#onSecure);
  }

  /** Whether a connection that was accepted is not for HTTP, but for a TLSSocket to read from. */
  claims(socket: Socket, from: Origin | undefined): boolean {
    const { server } = socket as { server?: unknown };
    if (!(server instanceof TlsServer) || socket instanceof TLSSocket) return false;
    // A relayed one is secure in a moment.
    if (from?.luggage?.kind !== TLS) this.#add(socket, from);
    return true;
  }

  unpack(data: unknown, connection: HandBack, listener: ListenHandle): void {
    this.#relayed.unpack(data, connection, listener);
  }

  onRequest(socket: Socket, response: ServerResponse): void {
    if (this.#relayed.has(socket)) this.#relayed.onRequest(socket, response);
  }

  /** From now on what is secure moves, and what becomes secure is not for the servers of this process. */
  keepEnds(): void {
    this.#canMove = true;
    for (const server of this.#servers) {
      server.removeAllListeners('secureConnection');
      server.on('secureConnection', this.#onSecure);
    }
  }

  /** Whether this process is the TLS end of a connection, so that it can't move as it is. */
  hasEnd(socket: Socket): socket is TLSSocket {
    return socket instanceof TLSSocket && !this.#relayed.has(socket);
  }

  /** Whether there is a TLS end of it, here or in an earlier process. */
  isSecure(socket: Socket, luggage: Luggage | undefined): boolean {
    return this.hasEnd(socket) || luggage?.kind === TLS;
  }

  /** Whether it can't move at all, since this process is to end. */
  mustStay(socket: Socket): boolean {
    return !this.#canMove && this.hasEnd(socket);
  }

  /** Moves one that is not being read. Its TLS end stays. `late`: what was read of its next request. */
  move(socket: TLSSocket, { listener, isIdle }: Origin, late?: Buffer): void {
    const luggage = { kind: TLS, data: tlsFactsOf(socket) };
    const begun = this.#relays.begin(socket, late);
    this.#options.handBack(begun.then((handle) => handle && { listener, handle, isIdle, luggage }));
  }

  /** Resolves when no TLS end is needed any more, at most after `timeout` ms; then those are cut, and named. */
  ended(timeout: number): Promise<string[]> {
    return this.#relays.ended(timeout);
  }

  freeze(): void {
    this.#isFrozen = true;
    for (const transport of this.#handshakes.keys()) setReading(transport, false);
  }

  thaw(): void {
    this.#isFrozen = false;
    for (const transport of this.#handshakes.keys()) setReading(transport, true);
  }

  end(): void {
    // Its first request may come with the end of the handshake, and what that changes after the capture would be lost.
    if (this.#isFrozen && !this.#canMove) this.cut();
    else this.thaw();
  }

  *pending(isEnding: boolean): Generator<string, void> {
    if (!isEnding) return;
    for (const { remoteAddress } of this.#handshakes.keys()) {
      yield `a connection of ${remoteAddress ?? 'a local client'}`;
    }
  }

  cut(): void {
    for (const transport of this.#handshakes.keys()) transport.destroy();
  }

  #add(transport: Socket, from: Origin | undefined): void {
    this.#handshakes.set(transport, from);
    transport.once('close', () => {
      if (this.#handshakes.delete(transport)) this.#options.onChange();
    });
    // The TLSSocket begins to read at the end of this tick.
    if (this.#isFrozen) setImmediate(() => this.#isFrozen && setReading(transport, false));
  }

  readonly #onSecure = (socket: TLSSocket): void => {
    // Not public, and not there when an app has made the TLSSocket itself (lib/_tls_wrap.js, Node 20–26).
    const transport = (socket as unknown as { _parent?: Socket | null })._parent ?? undefined;
    const from = transport && this.#handshakes.get(transport);
    if (transport) this.#handshakes.delete(transport);
    if (this.#canMove && from && this.hasEnd(socket)) this.move(socket, from);
    else this.#options.onSecure(socket, from);
    this.#options.onChange();
  };
}
