import { chmodSync, fstatSync, statSync } from 'node:fs';
import http from 'node:http';
import type net from 'node:net';
import path from 'node:path';
import {
  BLOB_FD,
  CALL_FD,
  type ListenQuery,
  type PortAnswer,
  type RawHandle,
  type SocketName,
} from '../../protocol.ts';
import { keepAlive } from '../../timers.ts';
import { Datagrams } from './datagrams.ts';
import { callBind, callClose, callListen } from '../primary-calls.ts';
import {
  hookListen,
  type DatagramAnswer,
  type DatagramPlace,
  type ListenHandle,
  type Listening,
  type Place,
} from './node-listen.ts';

export type { ListenHandle } from './node-listen.ts';

/** Flags of bind() of a UDP socket (deps/uv/include/uv.h, Node 20–26). */
const UDP_IPV6_ONLY = 1;

/** The worker's side of the ports: its servers and UDP sockets get theirs from the primary. */
export class WorkerListeners {
  readonly datagrams: Datagrams = new Datagrams();
  readonly #open = new Map<number, ListenHandle>();
  readonly #zeroPorts = new Map<string, number>();
  readonly #awaited = new Map<number, (handle: RawHandle) => void>();
  readonly #newHandle: () => Partial<ListenHandle>;
  readonly #onListen: () => void;

  /** `newHandle` makes the object that becomes a server's handle. */
  constructor(newHandle: () => Partial<ListenHandle>, onListen: () => void) {
    this.#newHandle = newHandle;
    this.#onListen = onListen;
    hookListen({
      listen: (server, place) => this.#listen(server, place),
      bind: (place, answer) => this.#bind(place, answer),
    });
  }

  /** The handle of an open listener, on which connections are to be emitted. */
  get(listener: number): ListenHandle | undefined {
    return this.#open.get(listener);
  }

  /** The primary has sent the UDP socket of a port. */
  receive(port: number, handle: RawHandle): void {
    const take = this.#awaited.get(port);
    this.#awaited.delete(port);
    if (take) take(handle);
    else handle.close();
  }

  #listen(server: net.Server, { address, port, addressType, fd, flags }: Place): Listening | undefined {
    if (typeof fd === 'number' && fd >= 0) {
      if (isOwn(fd)) return undefined;
      return this.#answer(server, null, { address: null, port: 0, addressType: 4, fd, occurrence: 0 });
    }
    const isPath = port < 0 && typeof address === 'string';
    // A path that starts with a NUL byte is an abstract socket, not a file.
    const file = isPath && !address.startsWith('\0') ? path.resolve(address) : null;
    return this.#answer(server, file, {
      address: file ?? address,
      port,
      addressType,
      ...(flags !== undefined && { flags }),
      occurrence: port === 0 ? this.#occurrence(`${address}:${addressType}`) : 0,
    });
  }

  #answer(server: net.Server, file: string | null, query: Omit<ListenQuery, 'http'>): Listening {
    const answer = callListen({ ...query, http: server instanceof http.Server });
    const { name } = answer;
    if (answer.errno !== 0) return { handle: failedHandle(server, answer.errno), name };
    const handle = this.#handle(server, answer, file);
    this.#open.set(answer.port, handle);
    server.once('listening', this.#onListen);
    return { handle, name };
  }

  #bind({ address, addressType, fd, flags, ...rest }: DatagramPlace, answer: DatagramAnswer): void {
    // As Node's own handle does: bind() may have been given text, or only a callback.
    const port = Number(rest.port) >>> 0;
    const { errno, port: id } = callBind({
      address: address ?? '',
      port,
      type: addressType,
      ipv6Only: ((flags ?? 0) & UDP_IPV6_ONLY) !== 0,
      ...(fd >= 0 && { fd }),
      occurrence: port === 0 ? this.#occurrence(`${address}:${addressType}`) : 0,
    });
    if (errno !== 0) {
      process.nextTick(answer, errno);
      return;
    }
    // Nothing else may keep this process alive until the socket has come.
    const alive = keepAlive();
    this.#awaited.set(id, (handle) => {
      clearInterval(alive);
      this.datagrams.share(handle, () => callClose(id));
      answer(0, handle);
    });
  }

  #occurrence(address: string): number {
    const count = this.#zeroPorts.get(address) ?? 0;
    this.#zeroPorts.set(address, count + 1);
    return count;
  }

  #handle(server: net.Server, { port, name }: PortAnswer, file: string | null): ListenHandle {
    let alive: NodeJS.Timeout | undefined = keepAlive();
    const base = this.#newHandle();
    const closeBase = base.close;
    return Object.assign(base, {
      server,
      listen: () => 0,
      close: () => {
        clearInterval(alive);
        alive = undefined;
        closeBase?.call(base);
        if (this.#open.delete(port)) callClose(port);
      },
      ref: () => alive?.ref(),
      unref: () => alive?.unref(),
      fchmod: (mode: number) => (file ? chmodPipe(file, mode) : 0),
      ...(name && { getsockname: (out: SocketName) => (Object.assign(out, name), 0) }),
    });
  }
}

/** A descriptor that this process has opened or received itself; what the app was started with is with the primary. */
function isOwn(fd: number): boolean {
  if (fd <= Math.max(BLOB_FD, CALL_FD)) return fd < 3;
  try {
    return fstatSync(fd).isSocket();
  } catch {
    return false;
  }
}

/** A handle that fails in listen(), where net.js reports a failed bind exactly as in a process that owns its ports. */
function failedHandle(server: net.Server, errno: number): ListenHandle {
  return { server, listen: () => errno, close() {}, ref() {}, unref() {}, fchmod: () => 0 };
}

/** What uv_pipe_chmod does to the socket's file: UV_READABLE is 1, UV_WRITABLE is 2. */
function chmodPipe(file: string, mode: number): number {
  chmodSync(file, statSync(file).mode | (mode & 1 ? 0o444 : 0) | (mode & 2 ? 0o222 : 0));
  return 0;
}
