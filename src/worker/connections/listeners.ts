import cluster from 'node:cluster';
import { chmodSync, statSync } from 'node:fs';
import http from 'node:http';
import net from 'node:net';
import path from 'node:path';
import { HandoverError } from '../../errors.ts';
import type { ListenAnswer, ListenQuery, RawHandle, SocketName } from '../../protocol.ts';
import { callClose, callListen } from '../primary-calls.ts';

/** What net.js hands to cluster._getServer (lib/net.js listenInCluster, Node 20–26). */
interface ServerQuery {
  address: string | null;
  port: number;
  addressType: number | string;
  fd?: number | null;
  flags?: number;
  readableAll?: boolean;
  writableAll?: boolean;
}

type GetServer = (server: unknown, query: ServerQuery, answer: (errno: number, handle: ListenHandle) => void) => void;

/** The parts of a listening TCP wrap that net.Server uses; `onconnection` is set by net.js. */
export interface ListenHandle {
  listen(): number;
  close(): void;
  ref(): void;
  unref(): void;
  getsockname?(out: SocketName): number;
  fchmod(mode: number): number;
  onconnection?(errno: number, connection: RawHandle): void;
}

/** Options of listen(), as the channel `tracing:net.server.listen:asyncStart` tells them before they are used. */
export interface ListenOptions {
  exclusive?: boolean;
  reusePort?: boolean;
}

/**
 * Takes out what makes a cluster worker bind a port by itself, past its primary (srvx asks for it by default). The next
 * generation could not bind it as long as this one lives.
 */
export function leaveToPrimary(options: ListenOptions): void {
  for (const name of ['exclusive', 'reusePort'] as const) {
    // Without a throw where the app has frozen them.
    if (options[name]) Reflect.set(options, name, false);
  }
}

/** Longest delay of a timer: the interval only stands for the open handle that keeps a process alive. */
const NEVER = 2 ** 31 - 1;

/**
 * The worker's side of the ports: `cluster._getServer`, which net.Server.listen calls in every cluster worker,
 * asks our primary instead of Node's. Read from lib/internal/cluster/child.js, Node 20–26.
 */
export class WorkerListeners {
  readonly #open = new Map<number, ListenHandle>();
  readonly #zeroPorts = new Map<string, number>();
  readonly #onListen: () => void;

  constructor(onListen: () => void) {
    this.#onListen = onListen;
    const internal = cluster as unknown as { _getServer?: GetServer };
    const original = internal._getServer;
    if (typeof original !== 'function') {
      throw new HandoverError(
        'NODE_UNSUPPORTED',
        `Node.js ${process.version} has no cluster._getServer, through which a worker asks for its ports; use a Node.js version that handover was tested on (20 to 26)`,
      );
    }
    internal._getServer = (server, query, answer) => {
      // UDP sockets and inherited descriptors stay with Node.
      if (!(server instanceof net.Server) || (typeof query.fd === 'number' && query.fd >= 0)) {
        // Nothing else may keep this process alive until Node's primary has answered.
        const alive = setInterval(() => {}, NEVER);
        original.call(cluster, server, query, (errno, handle) => {
          clearInterval(alive);
          answer(errno, handle);
        });
      } else {
        answer(0, this.#listen(server, query));
      }
    };
  }

  /** The handle of an open listener, on which connections are to be emitted. */
  get(listener: number): ListenHandle | undefined {
    return this.#open.get(listener);
  }

  #listen(
    server: net.Server,
    { address, port, addressType, flags, readableAll, writableAll }: ServerQuery,
  ): ListenHandle {
    const isPath = port < 0 && typeof address === 'string';
    const query: ListenQuery = {
      // A path that starts with a NUL byte is an abstract socket, not a file.
      address: isPath && !address.startsWith('\0') ? path.resolve(address) : address,
      port,
      addressType,
      ...(flags !== undefined && { flags }),
      ...(readableAll && { readableAll }),
      ...(writableAll && { writableAll }),
      occurrence: port === 0 ? this.#occurrence(`${address}:${addressType}`) : 0,
      http: server instanceof http.Server,
    };
    const answer = callListen(query);
    if (answer.errno !== 0) return failedHandle(answer.errno, port);
    const handle = this.#handle(answer, isPath ? query.address : null);
    this.#open.set(answer.listener, handle);
    server.once('listening', this.#onListen);
    return handle;
  }

  #occurrence(address: string): number {
    const count = this.#zeroPorts.get(address) ?? 0;
    this.#zeroPorts.set(address, count + 1);
    return count;
  }

  #handle({ listener, name }: ListenAnswer, pipe: string | null): ListenHandle {
    let alive: NodeJS.Timeout | undefined = setInterval(() => {}, NEVER);
    return {
      listen: () => 0,
      close: () => {
        clearInterval(alive);
        alive = undefined;
        if (this.#open.delete(listener)) callClose(listener);
      },
      ref: () => alive?.ref(),
      unref: () => alive?.unref(),
      fchmod: (mode) => (pipe ? chmodPipe(pipe, mode) : 0),
      ...(name && { getsockname: (out: SocketName) => (Object.assign(out, name), 0) }),
    };
  }
}

/** A handle that fails in listen(), where net.js reports a failed bind exactly as in a process that owns its ports. */
function failedHandle(errno: number, port: number): ListenHandle {
  return {
    listen: () => errno,
    close() {},
    ref() {},
    unref() {},
    fchmod: () => 0,
    getsockname: (out) => (Object.assign(out, { port }), 0),
  };
}

/** What uv_pipe_chmod does to the socket's file: UV_READABLE is 1, UV_WRITABLE is 2. */
function chmodPipe(file: string, mode: number): number {
  chmodSync(file, statSync(file).mode | (mode & 1 ? 0o444 : 0) | (mode & 2 ? 0o222 : 0));
  return 0;
}
