import type { ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { Server as TlsServer } from 'node:tls';
import { adopt } from './adopt.ts';
import type { HandBack } from './hand-backs.ts';
import { responseOf } from './http-connections.ts';
import type { ListenHandle } from './listeners.ts';
import { asTlsSocket, type TlsFacts } from './relayed-tls-socket.ts';

/** What is known of a relayed connection since this process has it. */
interface Relayed {
  hasAnswered: boolean;
  /** Its client sends requests without waiting for the answers. */
  isPipelined: boolean;
}

/**
 * The connections of this process whose TLS end is in an earlier one. That lives as long as they do; so their clients
 * are told, with an answer, that they are to open another connection.
 */
export class RelayedConnections {
  readonly #relayed = new Map<Socket, Relayed>();

  /** Gives one to its server, as if it had just become secure. */
  unpack(data: unknown, { handle }: HandBack, listener: ListenHandle): void {
    // A server that speaks no TLS any more would answer in plain text; to the client that would be as good as gone.
    if (!(listener.server instanceof TlsServer)) return handle.close();
    const socket = adopt(handle, listener);
    if (!socket) return;
    this.#relayed.set(socket, { hasAnswered: false, isPipelined: false });
    socket.once('close', () => this.#relayed.delete(socket));
    listener.server.emit('secureConnection', asTlsSocket(socket, data as TlsFacts));
  }

  has(socket: Socket): boolean {
    return this.#relayed.size > 0 && this.#relayed.has(socket);
  }

  /**
   * Before the response is begun. It is made the last one unless its client may have sent another request: that would
   * be handled, but not answered. Whether it does so is not known before its second request.
   */
  onRequest(socket: Socket, response: ServerResponse): void {
    const relayed = this.#relayed.get(socket);
    if (!relayed) return;
    if (responseOf(socket)) relayed.isPipelined = true;
    else if (relayed.hasAnswered && !relayed.isPipelined) response.setHeader('connection', 'close');
    relayed.hasAnswered = true;
  }
}
