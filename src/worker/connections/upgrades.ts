import { Server, type IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';

/**
 * Calls back for each connection of an http.Server whose client has asked for a WebSocket, before the app hears of it. A
 * listener would not do: without one of the app's own, Node answers such a request as any other.
 */
export function onWebSocketAsked(callback: (socket: Socket) => void): void {
  const { emit } = Server.prototype;
  Server.prototype.emit = function (this: Server, name: string, ...args: unknown[]): boolean {
    if (name === 'upgrade') {
      const [request, socket] = args as [IncomingMessage, Socket];
      if (/\bwebsocket\b/i.test(request.headers.upgrade ?? '')) callback(socket);
    }
    return Reflect.apply(emit, this, [name, ...args]) as boolean;
  };
}
