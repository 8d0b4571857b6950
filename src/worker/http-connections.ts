import type { ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { RawHandle } from '../protocol.ts';

/**
 * What handover must know of Node's HTTP connections beyond the public API. Read from lib/_http_server.js and
 * lib/net.js, Node 20–26.
 */
interface InternalSocket {
  _handle: (RawHandle & { readStart(): number; readStop(): number; onread: () => void }) | null;
  _httpMessage?: unknown;
  parser?: unknown;
  server?: unknown;
}

const internals = (socket: Socket): InternalSocket => socket as unknown as InternalSocket;

/** http.Server or https.Server. */
export interface HttpServer {
  closeIdleConnections(): void;
}

/** The HTTP server that a connection belongs to; undefined for other protocols. */
export function httpServerOf(socket: Socket): HttpServer | undefined {
  const server = internals(socket).server as Partial<HttpServer> | undefined;
  return typeof server?.closeIdleConnections === 'function' ? (server as HttpServer) : undefined;
}

/** Whether the bytes of a connection are read by Node's HTTP parser; false once it was upgraded to another protocol. */
export function speaksHttp(socket: Socket): boolean {
  return internals(socket).parser != null && httpServerOf(socket) !== undefined;
}

/** A response that never ends by itself: its client is made to reconnect. */
export function isEventStream(response: ServerResponse): boolean {
  // Headers that were given to writeHead() alone are only in the text that goes out.
  const type = response.getHeader('content-type') ?? (response as { _header?: string })._header ?? '';
  return /(?:^|content-type: *)text\/event-stream/i.test(String(type));
}

/** Nothing has been read from it or written to it: any process could begin with it. */
export function isUntouched(socket: Socket): boolean {
  return socket.bytesRead === 0 && socket.bytesWritten === 0;
}

/**
 * Those connections of a server that Node itself holds to be idle: between two requests. Node can only be asked
 * to close them; for the time of that call closing is replaced by collecting.
 */
export function idleConnections(server: HttpServer, sockets: Iterable<Socket>): Socket[] {
  const idle: Socket[] = [];
  for (const socket of sockets) {
    socket.destroy = () => {
      idle.push(socket);
      return socket;
    };
  }
  try {
    server.closeIdleConnections();
  } finally {
    for (const socket of sockets) delete (socket as Partial<Socket>).destroy;
  }
  return idle;
}

/** Stops or resumes reading; unread bytes wait in the kernel and travel with the descriptor. */
export function setReading(socket: Socket, reading: boolean): void {
  const handle = internals(socket)._handle;
  if (reading) handle?.readStart();
  else handle?.readStop();
}

/**
 * Takes the descriptor out of a connection that is not being read, and ends the socket object. All in one tick,
 * so that nothing is read in between.
 */
export function detachHandle(socket: Socket): RawHandle | undefined {
  // While HTTP consumes the handle directly, a `data` listener makes it let go.
  socket.on('data', () => {});
  socket.pause();
  const handle = internals(socket)._handle;
  if (!handle) return undefined;
  handle.readStop();
  handle.onread = () => {};
  internals(socket)._handle = null;
  socket.destroy();
  return handle;
}
