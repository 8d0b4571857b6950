import { isIPv6 } from 'node:net';
import { constants } from 'node:os';
import type { BindQuery, ListenQuery, PortAnswer, RawHandle } from '../protocol.ts';
import { DatagramPort } from './datagram-port.ts';
import { Listener } from './listener.ts';
import type { WorkerHandle } from './worker-handle.ts';

export interface PortsOptions {
  /** How long a generation that serves may take to open what the one before it had open, in milliseconds. */
  claimTimeout: number;
  /** Makes a listener that is not bound yet. Default: a port or pipe of the system. */
  createListener: ((id: number, query: ListenQuery) => Listener) | undefined;
  onConnection: (handle: RawHandle, listener: Listener) => void;
  /** A worker has opened one. */
  onOpen: () => void;
  /** Nobody will open it any more. */
  onClose: (port: Port) => void;
}

export type Port = Listener | DatagramPort;

/** The ports that the primary has bound, once for all generations, and which workers have them open. */
export class Ports {
  readonly #options: PortsOptions;
  readonly #ports = new Map<string, Port>();
  readonly #openBy = new Map<Port, Set<WorkerHandle>>();
  /** Listeners that are to be bound elsewhere as soon as a worker serves. */
  readonly #moves = new Map<Listener, { worker: WorkerHandle; query: ListenQuery }>();
  #serving: WorkerHandle | undefined;
  #lastId = 0;

  constructor(options: PortsOptions) {
    this.#options = options;
  }

  /** The worker that serves; undefined: none. */
  get serving(): WorkerHandle | undefined {
    return this.#serving;
  }

  /** Whether a generation that has served listens anywhere. */
  get isListening(): boolean {
    return [...this.#ports.values()].some((port) => port instanceof Listener && port.hasServed);
  }

  /** Where a browser finds the first HTTP server that has served; undefined: there is none. */
  get url(): string | undefined {
    for (const port of this.#ports.values()) {
      const number = port instanceof Listener && port.hasServed && port.query.http ? port.name?.port : undefined;
      if (number !== undefined) return `http://localhost:${number}`;
    }
    return undefined;
  }

  /** Lets a worker open ports. */
  attach(worker: WorkerHandle): void {
    worker.calls.serve({
      listen: (query) => this.#listen(worker, query),
      bind: (query) => this.#bind(worker, query),
      close: (id) => this.#close(worker, id),
    });
  }

  /** Whether a worker has any listener open. */
  listens(worker: WorkerHandle): boolean {
    return [...this.#openBy].some(([port, workers]) => port instanceof Listener && workers.has(worker));
  }

  /** Who has it open, the latest last. */
  workersOf(port: Port): WorkerHandle[] {
    return [...(this.#openBy.get(port) ?? [])];
  }

  /** Whoever has anything open. */
  get workers(): Set<WorkerHandle> {
    return new Set([...this.#openBy.values()].flatMap((workers) => [...workers]));
  }

  isOpenBy(worker: WorkerHandle, port: Port): boolean {
    return this.#openBy.get(port)?.has(worker) ?? false;
  }

  find(id: number): Port | undefined {
    return [...this.#ports.values()].find((port) => port.id === id);
  }

  /** From now on this worker serves. */
  serve(worker: WorkerHandle): void {
    this.#serving = worker;
    this.#moveListeners();
    for (const [port, workers] of this.#openBy) {
      if (workers.has(worker)) port.hasServed = true;
      // It may open this port a little later; its clients wait as long as a hold may last.
      else setTimeout(() => this.#serving === worker && this.#closeUnclaimed(port), this.#options.claimTimeout).unref();
    }
  }

  /** A generation may have removed the file of a socket, in a start that has failed or at its end. */
  restoreFiles(): void {
    for (const port of this.#ports.values()) if (port instanceof Listener) void port.restore();
  }

  /** It has ended. */
  forget(worker: WorkerHandle): void {
    this.restoreFiles();
    if (this.#serving === worker) this.#serving = undefined;
    for (const workers of this.#openBy.values()) workers.delete(worker);
    for (const [listener, move] of this.#moves) if (move.worker === worker) this.#moves.delete(listener);
  }

  /** Closes what was only opened by workers that have never served, and have ended. */
  closeUnserved(): void {
    for (const port of this.#openBy.keys()) if (!port.hasServed) this.#closeUnclaimed(port);
  }

  closeAll(): void {
    for (const port of this.#ports.values()) port.close();
    this.#ports.clear();
    this.#openBy.clear();
  }

  async #listen(worker: WorkerHandle, query: ListenQuery): Promise<PortAnswer> {
    const answer = await this.#open(worker, Listener.key(query), async (id) => {
      const { createListener = (id, query) => new Listener(id, query), onConnection } = this.#options;
      const listener = createListener(id, query);
      return { port: listener, errno: await listener.bind((handle) => onConnection(handle, listener)) };
    });
    const isTaken = answer.errno === -constants.errno.EADDRINUSE;
    return (isTaken ? this.#takeOver(worker, query) : undefined) ?? answer;
  }

  /** The code asks for another address of a port that the generation before it has: it is bound there at the commit. */
  #takeOver(worker: WorkerHandle, query: ListenQuery): PortAnswer | undefined {
    if (worker === this.#serving || query.port <= 0) return undefined;
    for (const [port, workers] of this.#openBy) {
      if (!(port instanceof Listener) || port.query.port !== query.port || workers.has(worker)) continue;
      workers.add(worker);
      this.#moves.set(port, { worker, query });
      const address = query.address ?? '::';
      const name = { address, family: isIPv6(address) ? 'IPv6' : 'IPv4', port: query.port };
      return { port: port.id, errno: 0, name };
    }
    return undefined;
  }

  #moveListeners(): void {
    for (const [listener, { worker, query }] of this.#moves) {
      if (worker !== this.#serving) continue;
      this.#moves.delete(listener);
      this.#ports.delete(listener.key);
      const bound = listener.rebind(query).then(() => listener.key);
      const key = listener.key;
      this.#ports.set(key, listener);
      void bound.then((now) => {
        if (now !== key && this.#ports.delete(key)) this.#ports.set(now, listener);
      });
    }
  }

  async #bind(worker: WorkerHandle, query: BindQuery): Promise<PortAnswer> {
    const key = DatagramPort.key(query);
    const answer = await this.#open(worker, key, async (id) => {
      const port = new DatagramPort(id, query);
      return { port, errno: await port.bind() };
    });
    const port = this.#ports.get(key);
    if (answer.errno === 0 && port instanceof DatagramPort) {
      worker.sendHandle({ type: 'datagram-socket', port: port.id }, port.handle, () => {});
    }
    return answer;
  }

  async #open(
    worker: WorkerHandle,
    key: string,
    bind: (id: number) => Promise<{ port: Port; errno: number }>,
  ): Promise<PortAnswer> {
    let port = this.#ports.get(key);
    if (port && this.isOpenBy(worker, port)) {
      return { port: 0, errno: -constants.errno.EADDRINUSE, ...(port.name && { name: port.name }) };
    }
    if (port instanceof Listener) {
      const errno = await port.restore();
      if (errno !== 0) return { port: 0, errno };
    }
    if (!port) {
      const created = await bind(++this.#lastId);
      port = created.port;
      if (created.errno !== 0) return { port: 0, errno: created.errno, ...(port.name && { name: port.name }) };
      this.#ports.set(key, port);
      this.#openBy.set(port, new Set());
    }
    if (worker.exit) {
      // It has ended while this was bound.
      if (!port.hasServed) this.#closeUnclaimed(port);
      return { port: 0, errno: 0 };
    }
    this.#openBy.get(port)?.add(worker);
    if (worker === this.#serving) port.hasServed = true;
    // Its server has no handle to emit on before the answer has arrived.
    setImmediate(() => this.#options.onOpen());
    return { port: port.id, errno: 0, ...(port.name && { name: port.name }) };
  }

  #close(worker: WorkerHandle, id: number): void {
    const port = this.find(id);
    if (!port) return;
    this.#openBy.get(port)?.delete(worker);
    // Its own server.close(): the port is to be free. A generation that ends closes its servers, too, but not its port.
    if (worker === this.#serving || !port.hasServed) this.#closeUnclaimed(port);
  }

  #closeUnclaimed(port: Port): void {
    if (this.#openBy.get(port)?.size !== 0) return;
    port.close();
    this.#openBy.delete(port);
    this.#ports.delete(port.key);
    this.#options.onClose(port);
  }
}
