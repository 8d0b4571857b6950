import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { HandoverError } from '../../errors.ts';
import type { RawHandle } from '../../protocol.ts';

/**
 * What handover must know of Node's HTTP connections beyond the public API. Read from lib/_http_server.js,
 * lib/_http_common.js, lib/net.js and src/node_http_parser.cc, Node 20–26.
 */
interface InternalSocket {
  _handle: (RawHandle & { readStart(): number; readStop(): number; onread: () => void }) | null;
  /** The response that is being written; those of pipelined requests follow it. */
  _httpMessage?: ServerResponse | null;
  parser?: Parser | null;
  server?: unknown;
}

/** Calls back by numbers, which its class knows. */
interface Parser {
  constructor: { kOnHeadersComplete?: number; kOnMessageComplete?: number };
  [callback: number]: unknown;
  incoming?: IncomingMessage | null;
  onIncoming: (...args: unknown[]) => unknown;
  execute(data: Buffer): unknown;
  remove(): void;
}

const internals = (socket: Socket): InternalSocket => socket as unknown as InternalSocket;

/** http.Server or https.Server. */
export interface HttpServer {
  closeIdleConnections(): void;
  timeout?: number;
  keepAliveTimeout?: number;
  keepAliveTimeoutBuffer?: number;
}

/** What Node 20 has no option for: keepAliveTimeoutBuffer, in milliseconds. */
const KEEP_ALIVE_BUFFER = 1000;

const ANY_REQUEST = Buffer.from('GET / HTTP/1.1\r\n\r\n');

/** The HTTP server that a connection belongs to; undefined for other protocols. */
export function httpServerOf(socket: Socket): HttpServer | undefined {
  const { server } = internals(socket);
  return isHttpServer(server) ? server : undefined;
}

export function isHttpServer(server: unknown): server is HttpServer {
  return typeof (server as Partial<HttpServer> | undefined)?.closeIdleConnections === 'function';
}

/** Whether the bytes of a connection are read by Node's HTTP parser; false once it was upgraded to another protocol. */
export function speaksHttp(socket: Socket): boolean {
  return internals(socket).parser != null && httpServerOf(socket) !== undefined;
}

/** A response that never ends by itself: its client is made to reconnect. */
export function isEventStream(response: ServerResponse): boolean {
  return /^text\/event-stream/i.test(headerOf(response, 'content-type') ?? '');
}

function headerOf(response: ServerResponse, name: string): string | undefined {
  const value = response.getHeader(name);
  if (value !== undefined) return String(value);
  // Headers that were given to writeHead() alone are only in the text that goes out.
  const { _header: head } = response as { _header?: string };
  return head && new RegExp(`^${name}: *(.*)`, 'im').exec(head)?.[1];
}

/** In milliseconds. */
const RECONNECT_AFTER = 100;

/** Ends it so that its client comes back at once, and not after the seconds that browsers wait by themselves. */
export function endEventStream(response: ServerResponse): void {
  // What the app writes into it from now on is no error of the app.
  response.on('error', () => {});
  // Behind what a middleware has put in the place of write() it is compressed; in what the app compresses it has no place.
  const isPlain = headerOf(response, 'content-encoding') === undefined || Object.hasOwn(response, 'write');
  // No new line before it: should the app be in the midst of an event, that stays unfinished, and the client drops it.
  if (isPlain) response.write(`retry: ${RECONNECT_AFTER}\n`);
  response.end();
}

/** Nothing has been read from it or written to it: any process could begin with it. */
export function isUntouched(socket: Socket): boolean {
  return socket.bytesRead === 0 && socket.bytesWritten === 0;
}

/** The response that a connection waits for. */
export function responseOf(socket: Socket): ServerResponse | undefined {
  return internals(socket)._httpMessage ?? undefined;
}

/** The request of which a part has not come yet. */
export function requestOf(socket: Socket): IncomingMessage | undefined {
  return internals(socket).parser?.incoming ?? undefined;
}

/** Lets a new connection begin with bytes that were read from it elsewhere. */
export function giveBytes(socket: Socket, bytes: Buffer): void {
  // Node's HTTP server listens for them, though its parser reads the connection by itself.
  socket.emit('data', bytes);
}

/** What a server knows of its connections, by their parsers. */
interface ConnectionsList {
  active(): { socket: Socket }[];
}

function connectionsOf(server: HttpServer): ConnectionsList | undefined {
  const key = Object.getOwnPropertySymbols(server).find(({ description }) => description === 'http.server.connections');
  return key && (server as unknown as Record<symbol, ConnectionsList | undefined>)[key];
}

/**
 * The connections of a server of whose next request a part has arrived, and those on which the first one is awaited;
 * undefined for a server that Node does not look after, since it has never listened. All others are what Node calls
 * idle, as soon as their response is done.
 */
export function unfinishedRequests(server: HttpServer): Set<Socket> | undefined {
  const list = connectionsOf(server);
  return list && new Set(list.active().map(({ socket }) => socket));
}

/** Throws when this Node can't tell which connections are idle. */
export function checkHttpInternals(): void {
  const server = createServer();
  server.emit('listening');
  const list = connectionsOf(server);
  server.close();
  if (typeof list?.active === 'function') return;
  throw new HandoverError(
    'NODE_UNSUPPORTED',
    `Node.js ${process.version} has no list of the connections of an http.Server, by which a worker knows which of them are idle; use a Node.js version that handover was tested on (20 to 26)`,
  );
}

/**
 * Lets a new connection, on which an earlier process has answered requests, wait for the next one as if this process
 * had answered them. To Node it is one whose first request has begun to arrive, which must not take longer than
 * headersTimeout, and which is told so otherwise: 408.
 */
export function awaitNextRequest(socket: Socket): void {
  const { parser } = internals(socket);
  const server = httpServerOf(socket);
  if (!parser || !server) return;
  const { kOnHeadersComplete, kOnMessageComplete } = parser.constructor;
  if (kOnHeadersComplete === undefined || kOnMessageComplete === undefined) return;
  // It reads a request of which nobody hears.
  const { [kOnHeadersComplete]: onHeadersComplete, [kOnMessageComplete]: onMessageComplete } = parser;
  parser[kOnHeadersComplete] = parser[kOnMessageComplete] = null;
  parser.execute(ANY_REQUEST);
  parser[kOnHeadersComplete] = onHeadersComplete;
  parser[kOnMessageComplete] = onMessageComplete;
  if (!server.keepAliveTimeout) return;
  socket.setTimeout(server.keepAliveTimeout + (server.keepAliveTimeoutBuffer ?? KEEP_ALIVE_BUFFER));
  const { onIncoming } = parser;
  parser.onIncoming = (...args) => {
    parser.onIncoming = onIncoming;
    socket.setTimeout(server.timeout ?? 0);
    return onIncoming(...args);
  };
}

/** Makes Node's HTTP server let go of a connection that stays open, as it does with one that is upgraded. */
export function letGo(socket: Socket): void {
  // While HTTP consumes the handle directly, a `data` listener makes it let go.
  socket.on('data', () => {});
  for (const event of ['data', 'readable', 'end', 'drain', 'error', 'timeout']) socket.removeAllListeners(event);
  socket.setTimeout(0);
  // Else closing the server would close it.
  internals(socket).parser?.remove();
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
