import type { Socket } from 'node:net';
import type { RawHandle } from '../../protocol.ts';
import type { ListenHandle } from './listeners.ts';

/**
 * Makes the socket of a connection as its server does, so that it is counted, limited and closed with the server's own, but
 * without telling of it: it is in the midst of its protocol. undefined: the server has refused it.
 */
export function adopt(handle: RawHandle, listener: ListenHandle): Socket | undefined {
  const { server } = listener;
  const own = Object.getOwnPropertyDescriptor(server, 'emit');
  const { emit } = server;
  let socket: Socket | undefined;
  server.emit = (name: string, ...args: unknown[]): boolean => {
    if (name !== 'connection') return Reflect.apply(emit, server, [name, ...args]) as boolean;
    socket = args[0] as Socket;
    return true;
  };
  try {
    listener.onconnection?.(0, handle);
  } finally {
    if (own) Object.defineProperty(server, 'emit', own);
    else delete (server as Partial<typeof server>).emit;
  }
  return socket;
}
