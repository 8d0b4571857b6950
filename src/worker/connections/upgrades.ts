import { Server, type IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';

const watched = new WeakSet<Server>();

/**
 * Calls back for each connection of an http.Server whose client asks for a WebSocket, before the app hears of it. Only of
 * one that the app listens on for `upgrade`: for others Node answers such a request as any other, as it must be. Not by a
 * listener of our own, which would be the last one when the app takes off its own.
 */
export function watchUpgrades(server: unknown, callback: (socket: Socket) => void): void {
  if (!(server instanceof Server) || watched.has(server) || server.listenerCount('upgrade') === 0) return;
  watched.add(server);
  const { emit } = server;
  server.emit = (name: string, ...args: unknown[]): boolean => {
    if (name === 'upgrade') {
      const [request, socket] = args as [IncomingMessage, Socket];
      if (/\bwebsocket\b/i.test(request.headers.upgrade ?? '')) callback(socket);
    }
    return Reflect.apply(emit, server, [name, ...args]) as boolean;
  };
}
