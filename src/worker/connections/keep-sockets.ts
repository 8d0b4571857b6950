import { Server, type Socket } from 'node:net';
import { Server as TlsServer } from 'node:tls';
import { inspect } from 'node:util';
import { HandoverError } from '../../errors.ts';
import type { Luggage } from '../../protocol.ts';
import type { KeepSocketsOptions } from '../app-host.ts';
import { adopt } from './adopt.ts';
import { CarriedData } from './carried-data.ts';
import type { Connections } from './connections.ts';
import { isHttpServer } from './http-connections.ts';
import type { Movable } from './movable.ts';

const KIND = 'socket';

/** What goes with a connection. */
interface SocketLuggage {
  /** Bytes that were read but not taken, in base64. */
  unread: string;
  data?: string | undefined;
}

/** Throws HandoverError INVALID_OPTION. */
export function checkKeepSockets(server: unknown, options: KeepSocketsOptions): void {
  if (!(server instanceof Server) || server instanceof TlsServer || isHttpServer(server)) {
    throw new HandoverError(
      'INVALID_OPTION',
      `keepSockets(): expected a net.Server, got ${inspect(server, { depth: -1 })}; HTTP connections move by themselves, TLS connections can't`,
    );
  }
  if (options.save !== undefined && typeof options.save !== 'function') {
    throw new HandoverError(
      'INVALID_OPTION',
      `keepSockets(): expected save to be a function, got ${typeof options.save}`,
    );
  }
}

/** The servers whose connections move as they are (see keepSockets in run-worker.ts). */
export class KeptSockets {
  readonly #connections: Connections;
  readonly #warn: (message: string) => void;
  readonly #servers = new WeakMap<Server, CarriedData>();

  constructor(connections: Connections, warn: (message: string) => void) {
    this.#connections = connections;
    this.#warn = warn;
    connections.unpackers.set(KIND, (luggage, { handle }, listener) => {
      const data = this.#servers.get(listener.server);
      const socket = data && adopt(handle, listener);
      // The next generation has not asked for it, or its server has refused it.
      if (!socket) handle.close();
      else this.#unpack(luggage as SocketLuggage, socket, listener.server, data);
    });
  }

  add(server: Server, options: KeepSocketsOptions): void {
    if (this.#servers.has(server)) return;
    const data = new CarriedData('keepSockets()', options.save, this.#warn);
    this.#servers.set(server, data);
    server.prependListener('connection', (socket) => {
      this.#connections.setMovable(socket, new MovableSocket(socket, data));
    });
  }

  #unpack({ unread, data }: SocketLuggage, socket: Socket, server: Server, carried: CarriedData): void {
    if (unread) socket.unshift(Buffer.from(unread, 'base64'));
    server.emit('connection', socket, { data: carried.unpack(data) });
  }
}

/** A connection whose protocol is the app's own: between two turns all of it is in the app's data, or still unread. */
class MovableSocket implements Movable {
  readonly work = 'what was received';
  readonly isHandling = false;
  readonly isReading = false;
  readonly isSending = false;
  readonly #socket: Socket;
  readonly #carried: CarriedData;
  #data: string | undefined;

  constructor(socket: Socket, carried: CarriedData) {
    this.#socket = socket;
    this.#carried = carried;
  }

  get isOpen(): boolean {
    return !this.#socket.destroyed && !this.#socket.writableEnded;
  }

  change(): Promise<void> {
    return Promise.resolve();
  }

  leave(): void {
    this.#data = this.#carried.pack(this.#socket);
    const ignore = (): Socket => this.#socket;
    Object.assign(this.#socket, { write: () => false, end: ignore, destroy: ignore });
    this.#socket.emit('moved');
    // When its client has gone Node destroys it.
    delete (this.#socket as Partial<Socket>).destroy;
  }

  pack(unread: Buffer): Luggage {
    return { kind: KIND, data: { unread: unread.toString('base64'), data: this.#data } satisfies SocketLuggage };
  }
}
