import cluster from 'node:cluster';
import { Socket as DatagramSocket } from 'node:dgram';
import net from 'node:net';
import { HandoverError } from '../../errors.ts';
import type { RawHandle, SocketName } from '../../protocol.ts';

/**
 * How the servers of Node.js come by their handles. Read from lib/net.js, lib/dgram.js and
 * lib/internal/cluster/child.js, Node 20–26.
 *
 * Every form of net.Server.listen ends in server._listen2(), which binds unless the server has a handle. In a worker of
 * a cluster it asks cluster._getServer() for one before. dgram.Socket.bind asks only there.
 */

/** The parts of a listening TCP wrap that net.Server uses; `onconnection` is set by net.js. */
export interface ListenHandle {
  /** Whose handle it is. */
  server: net.Server;
  listen(): number;
  close(): void;
  ref(): void;
  unref(): void;
  getsockname?(out: SocketName): number;
  fchmod(mode: number): number;
  onconnection?(errno: number, connection: RawHandle): void;
}

/** What a server is to listen on. */
export interface Place {
  /** null: the unspecified address. */
  address: string | null;
  /** -1: a path. */
  port: number;
  addressType: number | string;
  fd?: number | undefined;
  flags?: number | undefined;
}

/** What a UDP socket is to be bound to. */
export interface DatagramPlace {
  address: string | null;
  port: unknown;
  addressType: 'udp4' | 'udp6';
  fd: number;
  flags: number | null;
}

export type DatagramAnswer = (errno: number, handle?: RawHandle) => void;

/** A handle, and where it is bound or could not be. */
export interface Listening {
  handle: ListenHandle;
  name: SocketName | undefined;
}

export interface ListenHooks {
  /** undefined: Node is to bind. */
  listen(server: net.Server, place: Place): Listening | undefined;
  /** Answers later than in this call. */
  bind(place: DatagramPlace, answer: DatagramAnswer): void;
}

interface Listener extends net.Server {
  _handle?: unknown;
  _listen2: Listen2;
}

type Listen2 = (
  this: Listener,
  address: string | null,
  port: number,
  addressType: number | string,
  backlog: number,
  fd?: number,
  flags?: number,
) => void;

interface Internals {
  _getServer?: (server: unknown, query: Place & DatagramPlace & { backlog: number }, answer: DatagramAnswer) => void;
  isWorker: boolean;
}

/** PipeConstants.SERVER (src/pipe_wrap.h, Node 20–26). */
const PIPE_SERVER = 1;

const internals = cluster as unknown as Internals;
const prototype = net.Server.prototype as unknown as { _listen2?: Listen2 };
const { _listen2: bindByNode } = prototype;

/** From now on servers and UDP sockets of this process get their handles from these hooks. */
export function hookListen(hooks: ListenHooks): void {
  if (typeof bindByNode !== 'function') {
    throw new HandoverError(
      'NODE_UNSUPPORTED',
      `Node.js ${process.version} has no server._listen2, in which a worker asks for its ports; use a Node.js version that handover was tested on (20 to 26)`,
    );
  }
  prototype._listen2 = function (address, port, addressType, backlog, fd, flags) {
    // What has a handle has got it from the app.
    const given = this._handle ? undefined : hooks.listen(this, { address, port, addressType, fd, flags });
    if (given) this._handle = given.handle;
    // Without an address Node would have tried the one of IPv6 first.
    const bound = given && !address && typeof fd !== 'number' ? given.name?.address : undefined;
    if (bound === undefined) bindByNode.call(this, address, port, addressType, backlog, fd, flags);
    else bindByNode.call(this, bound, port, net.isIPv6(bound) ? 6 : 4, backlog, fd, flags);
  };
  hookDatagrams();
  const getServer: Internals['_getServer'] = (server, query, answer) => {
    if (server instanceof net.Server) {
      const { address, port, addressType, backlog, fd, flags } = query;
      (server as Listener)._listen2(address, port, addressType, backlog, fd, flags);
    } else hooks.bind(query, answer);
  };
  // In a process that is no worker of a cluster there is none that an app could come across.
  Object.defineProperty(internals, '_getServer', { value: getServer, enumerable: false });
}

/**
 * Makes handles of the class of this pipe's, that are open nowhere. What a server has must be one of Node's: an app that
 * sends its server to a child would crash Node with anything else, and gets an error with this.
 */
export function handleMaker(pipe: net.Socket): () => Partial<ListenHandle> {
  const handle = (pipe as unknown as { _handle?: object })._handle;
  const Pipe = handle?.constructor as (new (kind: number) => Partial<ListenHandle>) | undefined;
  return () => (Pipe ? new Pipe(PIPE_SERVER) : {});
}

/** Lets a server of our own listen as in any process. */
export function listenByNode(server: net.Server, path: string): net.Server {
  Object.assign(server, { _listen2: bindByNode });
  return server.listen({ path, exclusive: true });
}

/** The state of a dgram.Socket. */
interface DatagramState {
  handle?: { lookup(address: string, callback: LookupCallback): void } | null;
  reuseAddr?: boolean;
}

type LookupCallback = (error: Error | null, ...rest: unknown[]) => void;

/** bind() of every UDP socket asks _getServer, whether this process is a worker of a cluster or not. */
function hookDatagrams(): void {
  const { bind } = DatagramSocket.prototype as unknown as { bind: (...args: unknown[]) => DatagramSocket };
  DatagramSocket.prototype.bind = function (this: DatagramSocket, ...args: unknown[]) {
    const handle = stateOf(this)?.handle;
    if (!handle) return bind.apply(this, args);
    const { lookup } = handle;
    handle.lookup = (address, callback) =>
      lookup.call(handle, address, (error, ...rest) => {
        // In this call it looks whether this is a worker; an error goes to the app.
        const isWorker = internals.isWorker;
        internals.isWorker = error === null || isWorker;
        try {
          callback(error, ...rest);
        } finally {
          internals.isWorker = isWorker;
        }
      });
    try {
      return bind.apply(this, shared(this, args));
    } finally {
      handle.lookup = lookup;
    }
  } as typeof DatagramSocket.prototype.bind;
}

/** What bind() was given, and whether the primary is to have a part in it. */
function shared(socket: DatagramSocket, args: unknown[]): unknown[] {
  const [first, address] = args;
  const isObject = typeof first === 'object' && first !== null;
  const given = (isObject ? first : { port: first, address }) as { port?: unknown; fd?: unknown; exclusive?: boolean };
  if (given.fd !== undefined || 'recvStart' in given) return args;
  // Sockets that can share an address by themselves, and join groups, which one can't do twice; and the source port of
  // one that only sends.
  const exclusive = stateOf(socket)?.reuseAddr === true || (given.exclusive === true && !given.port);
  if (!isObject && !exclusive) return args;
  const callbacks = args.filter((arg) => typeof arg === 'function');
  const place = Object.entries({ ...given, exclusive }).filter(([, value]) => typeof value !== 'function');
  return [Object.fromEntries(place), ...callbacks];
}

function stateOf(socket: DatagramSocket): DatagramState | undefined {
  const key = Object.getOwnPropertySymbols(socket).find(({ description }) => description === 'state symbol');
  return key && (socket as unknown as Record<symbol, DatagramState>)[key];
}
