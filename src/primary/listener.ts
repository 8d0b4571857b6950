import { constants } from 'node:os';
import net from 'node:net';
import { HandoverError } from '../errors.ts';
import type { ListenQuery, RawHandle, SocketName } from '../protocol.ts';

/** The kernel cuts this down to its own maximum (net.core.somaxconn). A burst that overflows the queue is lost silently. */
const BACKLOG = 65_535;
const IPV6_ONLY = 1;

/** The handle of a listening net.Server (lib/net.js, Node 20–26): connections as they are, nothing read from them. */
interface ServerHandle {
  onconnection: (errno: number, connection: RawHandle) => void;
}

/** A port (or Unix socket) that the primary has bound once for all generations. */
export class Listener {
  readonly id: number;
  readonly query: ListenQuery;
  readonly #server = net.createServer();
  /** Whether a committed generation has used it: then it outlives every single worker. */
  hasServed = false;
  name: SocketName | undefined;

  constructor(id: number, query: ListenQuery) {
    this.id = id;
    this.query = query;
  }

  /** What tells listeners apart; stays the same from generation to generation. */
  static key({ address, port, addressType, flags, occurrence }: ListenQuery): string {
    return JSON.stringify([address, port, addressType, flags ?? 0, occurrence]);
  }

  /** Binds. Resolves with 0 or the negative errno of the failure. */
  bind(onConnection: (connection: RawHandle) => void): Promise<number> {
    const { address, port, flags, readableAll = false, writableAll = false } = this.query;
    return new Promise((resolve) => {
      this.#server.once('error', (error: NodeJS.ErrnoException) => resolve(error.errno ?? -constants.errno.EINVAL));
      this.#server.once('listening', () => {
        const handle = (this.#server as unknown as { _handle?: ServerHandle })._handle;
        if (typeof handle?.onconnection !== 'function') {
          throw new HandoverError(
            'NODE_UNSUPPORTED',
            `Node.js ${process.version} has no server._handle.onconnection, through which the primary passes connections on; use a Node.js version that handover was tested on (20 to 26)`,
          );
        }
        handle.onconnection = (errno, connection) => {
          if (errno === 0) onConnection(connection);
        };
        const name = this.#server.address();
        if (name && typeof name === 'object')
          this.name = { address: name.address, family: name.family, port: name.port };
        resolve(0);
      });
      if (port < 0) this.#server.listen({ path: String(address), backlog: BACKLOG, readableAll, writableAll });
      else {
        const ipv6Only = ((flags ?? 0) & IPV6_ONLY) !== 0;
        this.#server.listen({ port, backlog: BACKLOG, ipv6Only, ...(address !== null && { host: address }) });
      }
    });
  }

  close(): void {
    this.#server.close();
  }
}
