import { constants } from 'node:os';
import dgram from 'node:dgram';
import { HandoverError } from '../errors.ts';
import type { BindQuery, RawHandle, SocketName } from '../protocol.ts';

/** The handle of a bound dgram.Socket (lib/dgram.js, Node 20–26). */
interface DatagramHandle extends RawHandle {
  recvStop(): number;
}

/** A UDP port that the primary has bound once for all generations. What comes waits in the kernel for who reads it. */
export class DatagramPort {
  readonly id: number;
  readonly query: BindQuery;
  readonly #socket: dgram.Socket;
  hasServed = false;
  name: SocketName | undefined;

  constructor(id: number, query: BindQuery) {
    this.id = id;
    this.query = query;
    this.#socket = dgram.createSocket({ type: query.type, ipv6Only: query.ipv6Only });
  }

  static key({ address, port, type, ipv6Only, fd, occurrence }: BindQuery): string {
    return JSON.stringify([type, address, port, ipv6Only, fd, occurrence]);
  }

  get key(): string {
    return DatagramPort.key(this.query);
  }

  /** What is given to a worker. */
  get handle(): RawHandle {
    return handleOf(this.#socket);
  }

  /** Binds. Resolves with 0 or the negative errno of the failure. */
  bind(): Promise<number> {
    const { address, port, fd } = this.query;
    return new Promise((resolve) => {
      this.#socket.once('error', (error: NodeJS.ErrnoException) => resolve(error.errno ?? -constants.errno.EINVAL));
      this.#socket.once('listening', () => {
        // In the turn in which it was bound: no datagram may be read here.
        handleOf(this.#socket).recvStop();
        this.name = this.#socket.address();
        resolve(0);
      });
      this.#socket.bind({ ...(fd === undefined ? { address, port } : { fd }), exclusive: true });
    });
  }

  close(): void {
    this.#socket.close();
  }
}

function handleOf(socket: dgram.Socket): DatagramHandle {
  const key = Object.getOwnPropertySymbols(socket).find(({ description }) => description === 'state symbol');
  const state = key && (socket as unknown as Record<symbol, { handle?: DatagramHandle } | undefined>)[key];
  if (typeof state?.handle?.recvStop === 'function') return state.handle;
  throw new HandoverError(
    'NODE_UNSUPPORTED',
    `Node.js ${process.version} has no handle in the state of a dgram.Socket, which the primary shares with its workers; use a Node.js version that handover was tested on (20 to 26)`,
  );
}
