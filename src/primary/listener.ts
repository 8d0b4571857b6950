import { chmodSync, statSync } from 'node:fs';
import { constants } from 'node:os';
import net from 'node:net';
import path from 'node:path';
import { HandoverError } from '../errors.ts';
import type { ListenQuery, RawHandle, SocketName } from '../protocol.ts';

/** The kernel cuts this down to its own maximum (net.core.somaxconn). A burst that overflows the queue is lost silently. */
const BACKLOG = 65_535;
/** Flags of net.Server.listen (deps/uv/include/uv.h, Node 20–26). */
const IPV6_ONLY = 1;
const REUSE_PORT = 2;

/** The handle of a listening net.Server (lib/net.js, Node 20–26): connections as they are, nothing read from them. */
interface ServerHandle {
  onconnection: (errno: number, connection: RawHandle) => void;
}

/** A port (or Unix socket) that the primary has bound once for all generations. */
export class Listener {
  readonly id: number;
  query: ListenQuery;
  #server = net.createServer();
  #onConnection: (connection: RawHandle) => void = () => {};
  /** Of a Unix socket: its file as it was seen last. */
  #file: { mode: number } | undefined;
  #restoring: Promise<number> | undefined;
  /** Whether a committed generation has used it: then it outlives every single worker. */
  hasServed = false;
  name: SocketName | undefined;

  constructor(id: number, query: ListenQuery) {
    this.id = id;
    this.query = query;
  }

  /** What tells listeners apart; stays the same from generation to generation. */
  static key({ address, port, addressType, flags, fd, occurrence }: ListenQuery): string {
    return JSON.stringify([address, port, addressType, flags ?? 0, fd, occurrence]);
  }

  get key(): string {
    return Listener.key(this.query);
  }

  /** Binds. Resolves with 0 or the negative errno of the failure. */
  bind(onConnection: (connection: RawHandle) => void): Promise<number> {
    this.#onConnection = onConnection;
    return this.#bind();
  }

  /**
   * Binds a Unix socket again whose file has been removed: a program removes what an earlier run may have left there
   * before it listens, or at its end, when the next generation listens there already. Resolves like bind().
   */
  restore(): Promise<number> {
    this.#restoring ??= this.#restore().finally(() => (this.#restoring = undefined));
    return this.#restoring;
  }

  async #restore(): Promise<number> {
    if (!this.#file) return 0;
    const { mode } = this.#file;
    const file = this.#look();
    if (file) {
      this.#file.mode = file.mode;
      return 0;
    }
    // It removes the file, too: first.
    this.#server.close();
    this.#server = net.createServer();
    const errno = await this.#bind();
    if (errno === 0) chmodSync(this.query.address as string, mode);
    return errno;
  }

  /** undefined: there is no such file any more. */
  #look(): { mode: number } | undefined {
    const { address, port } = this.query;
    if (port >= 0 || !address || address.startsWith('\0') || process.platform === 'win32') return undefined;
    const stat = statSync(address, { throwIfNoEntry: false });
    return stat && { mode: stat.mode };
  }

  #bind(): Promise<number> {
    return new Promise((resolve) => {
      this.#server.once('error', (error: NodeJS.ErrnoException & SocketName) => {
        // Of the unspecified addresses the one that was tried last.
        if (error.address !== undefined) this.name = { address: error.address };
        resolve(error.errno ?? -constants.errno.EINVAL);
      });
      this.#server.once('listening', () => {
        const handle = (this.#server as unknown as { _handle?: ServerHandle })._handle;
        if (typeof handle?.onconnection !== 'function') {
          throw new HandoverError(
            'NODE_UNSUPPORTED',
            `Node.js ${process.version} has no server._handle.onconnection, through which the primary passes connections on; use a Node.js version that handover was tested on (20 to 26)`,
          );
        }
        handle.onconnection = (errno, connection) => {
          if (errno === 0) this.#onConnection(connection);
        };
        this.#file = this.#look();
        const name = this.#server.address();
        if (name && typeof name === 'object')
          this.name = { address: name.address, family: name.family, port: name.port };
        resolve(0);
      });
      this.#server.listen({ ...this.#where(), backlog: BACKLOG });
    });
  }

  #where(): net.ListenOptions {
    const { address, port, flags = 0, fd } = this.query;
    if (fd !== undefined) return { fd } as net.ListenOptions;
    if (port < 0) return { path: shortest(String(address)) };
    const options = { port, ipv6Only: (flags & IPV6_ONLY) !== 0, reusePort: (flags & REUSE_PORT) !== 0 };
    return { ...options, ...(address !== null && { host: address }) };
  }

  /** Binds to another address of the port; if that can't be had, to the one it had. */
  async rebind(query: ListenQuery): Promise<void> {
    const before = this.query;
    for (const where of [query, before]) {
      this.close();
      this.#server = net.createServer();
      this.query = where;
      if ((await this.bind(this.#onConnection)) === 0) return;
    }
  }

  close(): void {
    this.#server.close();
  }
}

/** The path of a Unix socket has about 100 bytes. */
function shortest(file: string): string {
  if (process.platform === 'win32' || file.startsWith('\0')) return file;
  const relative = path.relative(process.cwd(), file);
  return relative.length < file.length ? relative : file;
}
