import type { Server, Socket } from 'node:net';
import { Server as TlsServer, TLSSocket } from 'node:tls';
import { setReading } from './http-connections.ts';
import type { ProtocolPart } from './protocol-part.ts';

/** TLS connections from when they are accepted until they are secure. */
export class TlsConnections<From> implements ProtocolPart {
  readonly #handshakes = new Map<Socket, From>();
  readonly #servers = new Set<TlsServer>();
  readonly #onSecure: (socket: TLSSocket, from: From | undefined) => void;
  readonly #onChange: () => void;
  #isFrozen = false;
  #isDiverted = false;

  /**
   * `onSecure` is called when the server has taken a connection over; `onChange` when what is waited for may have ended.
   */
  constructor(onSecure: (socket: TLSSocket, from: From | undefined) => void, onChange: () => void) {
    this.#onSecure = onSecure;
    this.#onChange = onChange;
  }

  /** Every server that listens. */
  watch(server: Server): void {
    if (!(server instanceof TlsServer) || this.#servers.has(server)) return;
    this.#servers.add(server);
    server.once('close', () => this.#servers.delete(server));
    server.on('secureConnection', this.#onSecureConnection);
  }

  /** Whether a socket is what a TLSSocket reads from. */
  static isTransport(socket: Socket): boolean {
    return (socket as { server?: unknown }).server instanceof TlsServer && !(socket instanceof TLSSocket);
  }

  add(transport: Socket, from: From): void {
    this.#handshakes.set(transport, from);
    transport.once('close', () => {
      if (this.#handshakes.delete(transport)) this.#onChange();
    });
    // The TLSSocket begins to read at the end of this tick.
    if (this.#isFrozen) setImmediate(() => this.#isFrozen && setReading(transport, false));
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
    if (this.#isFrozen && !this.#isDiverted) this.cut();
    else this.thaw();
  }

  /** What becomes secure from now on is not for the servers of this process. */
  divert(): void {
    this.#isDiverted = true;
    for (const server of this.#servers) {
      server.removeAllListeners('secureConnection');
      server.on('secureConnection', this.#onSecureConnection);
    }
  }

  *pending(isEnding: boolean): Generator<string, void> {
    if (!isEnding) return;
    for (const { remoteAddress } of this.#handshakes.keys())
      yield `a connection of ${remoteAddress ?? 'a local client'}`;
  }

  cut(): void {
    for (const transport of this.#handshakes.keys()) transport.destroy();
  }

  readonly #onSecureConnection = (socket: TLSSocket): void => {
    // Not public, and not there when an app has made the TLSSocket itself (lib/_tls_wrap.js, Node 20–26).
    const transport = (socket as unknown as { _parent?: Socket | null })._parent ?? undefined;
    const from = transport && this.#handshakes.get(transport);
    if (transport) this.#handshakes.delete(transport);
    this.#onSecure(socket, from);
    this.#onChange();
  };
}
