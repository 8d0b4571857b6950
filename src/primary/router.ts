import { isIPv6 } from 'node:net';
import { constants } from 'node:os';
import { unpackRequest } from '../http-luggage.ts';
import type { BindQuery, ListenQuery, MessageToPrimary, PortAnswer, RawHandle } from '../protocol.ts';
import { DatagramPort } from './datagram-port.ts';
import { Listener } from './listener.ts';
import { UnavailableServer } from './unavailable.ts';
import { WaitingConnections, type Connection } from './waiting-connections.ts';
import type { WorkerHandle } from './worker-handle.ts';

/**
 * How many connections may be on their way to a worker. Node sends one at a time and acknowledges each, with every
 * other message waiting behind them; the word that a handover begins must not wait behind a burst.
 */
const WINDOW = 2;

/** One that has waited so long for a blocked worker is not refused; whether that still serves is looked at again, in milliseconds. */
const LOOK_AGAIN = 1000;

/** What clients noticed of a hold. */
export interface HoldReport {
  connections: number;
  longestMs: number;
}

export interface RouterOptions {
  /** How long a connection is held at most, in milliseconds. */
  holdTimeout: number;
  /** How many connections are held at most, without those that a generation has handed back. */
  holdLimit: number;
  /** Why nothing serves, for the 503 page. */
  reason: () => string;
  /** Makes a listener that is not bound yet. Default: a port or pipe of the system. */
  createListener?: (id: number, query: ListenQuery) => Listener;
}

type Port = Listener | DatagramPort;

/**
 * Owns the ports and every connection that no worker has acknowledged. A connection goes to the serving
 * worker when that has the listener open; else it is held, with nothing read from it.
 */
export class Router {
  readonly #options: RouterOptions;
  readonly #unavailable: UnavailableServer;
  readonly #ports = new Map<string, Port>();
  /** Which workers have a port open. */
  readonly #openBy = new Map<Port, Set<WorkerHandle>>();
  /** Connections that have not reached the worker yet to which they were sent. */
  readonly #sent = new Map<Connection, WorkerHandle>();
  /** Listeners that are to be bound elsewhere as soon as a worker serves. */
  readonly #moves = new Map<Listener, { worker: WorkerHandle; query: ListenQuery }>();
  readonly #waiting = new WaitingConnections();
  #holdTimer: NodeJS.Timeout | undefined;
  #serving: WorkerHandle | undefined;
  #isHolding = false;
  #lastPort = 0;
  #report: HoldReport = { connections: 0, longestMs: 0 };
  /** Who waits for the connections that came before a time to have reached the serving worker. */
  #settling: { before: number; resolve: () => void }[] = [];

  constructor(options: RouterOptions) {
    this.#options = options;
    this.#unavailable = new UnavailableServer(options.reason);
  }

  /** Whether the serving generation listens anywhere. */
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

  /** Lets a worker open ports and answer connections. */
  attach(worker: WorkerHandle): void {
    worker.calls.serve({
      listen: (query) => this.#listen(worker, query),
      bind: (query) => this.#bind(worker, query),
      close: (id) => this.#close(worker, id),
    });
    worker.on('message', (message, handle) => this.#receive(message, handle));
    worker.on('ended', () => this.#onEnded(worker));
  }

  /** Whether a worker has any listener open. */
  listens(worker: WorkerHandle): boolean {
    return [...this.#openBy].some(([port, workers]) => port instanceof Listener && workers.has(worker));
  }

  /** Routes nothing until release() or serve(). */
  hold(): void {
    this.#isHolding = true;
  }

  release(): void {
    this.#isHolding = false;
    this.#restoreFiles();
    const now = performance.now();
    const held = this.#waiting.since((listener) => this.#isServed(listener)).map((since) => now - since);
    this.#report = { connections: held.length, longestMs: Math.max(0, ...held) };
    this.#flush();
  }

  /** From now on this worker gets the connections. Those that were held go first. */
  serve(worker: WorkerHandle): void {
    this.#serving = worker;
    this.#moveListeners();
    for (const [port, workers] of this.#openBy) {
      if (workers.has(worker)) port.hasServed = true;
      // It may open this port a little later; its clients wait as long as a hold may last.
      else setTimeout(() => this.#serving === worker && this.#closeUnclaimed(port), this.#options.holdTimeout).unref();
    }
    this.release();
  }

  /** Resolves when every connection that waits now for the serving worker has been sent to it. */
  settled(): Promise<void> {
    return new Promise((resolve) => {
      this.#settling.push({ before: performance.now(), resolve });
      this.#settle();
    });
  }

  /** What the last hold has held. */
  get report(): HoldReport {
    return this.#report;
  }

  /** Closes all ports; what is held is refused. */
  stop(): void {
    for (const port of this.#ports.values()) port.close();
    this.#ports.clear();
    this.#openBy.clear();
    for (const connection of this.#waiting.takeAll()) this.#refuse(connection);
    clearTimeout(this.#holdTimer);
  }

  async #listen(worker: WorkerHandle, query: ListenQuery): Promise<PortAnswer> {
    const answer = await this.#open(worker, Listener.key(query), async (id) => {
      const { createListener = (id, query) => new Listener(id, query) } = this.#options;
      const listener = createListener(id, query);
      return { port: listener, errno: await listener.bind((handle) => this.#accept(handle, listener)) };
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
    if (port && this.#openBy.get(port)?.has(worker)) {
      return { port: 0, errno: -constants.errno.EADDRINUSE, ...(port.name && { name: port.name }) };
    }
    if (port instanceof Listener) {
      const errno = await port.restore();
      if (errno !== 0) return { port: 0, errno };
    }
    if (!port) {
      const created = await bind(++this.#lastPort);
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
    setImmediate(() => this.#flush());
    return { port: port.id, errno: 0, ...(port.name && { name: port.name }) };
  }

  #close(worker: WorkerHandle, id: number): void {
    const port = this.#find(id);
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
    for (const connection of this.#waiting.takeAll((waiting) => waiting.listener === port)) {
      this.#refuse(connection);
    }
  }

  #find(id: number): Port | undefined {
    return [...this.#ports.values()].find((port) => port.id === id);
  }

  #receive(message: MessageToPrimary, handle: RawHandle | undefined): void {
    if (message.type !== 'hand-back' || !handle) return;
    const { idle, luggage } = message;
    const listener = this.#find(message.listener);
    if (listener instanceof Listener) this.#route({ handle, listener, isIdle: idle, luggage }, { isHandedBack: true });
    else handle.close();
  }

  #accept(handle: RawHandle, listener: Listener): void {
    const connection = { handle, listener, isIdle: false };
    if (!this.#isServed(listener) && this.#waiting.accepted >= this.#options.holdLimit) this.#refuse(connection);
    else this.#route(connection);
  }

  #route(connection: Connection, { isHandedBack = false } = {}): void {
    this.#waiting.add(connection, { isHandedBack });
    this.#flush();
    this.#holdTimer ??= this.#refuseLater();
  }

  #isServed(listener: Listener): boolean {
    return this.#serverOf(listener) !== undefined;
  }

  /** The worker that gets the connections of a listener; undefined: they are held. */
  #serverOf(listener: Listener): WorkerHandle | undefined {
    if (this.#isHolding) return undefined;
    const workers = this.#openBy.get(listener);
    if (this.#serving) return workers?.has(this.#serving) ? this.#serving : undefined;
    // A first generation that listens answers, as any process does: it may ask itself something before it is ready.
    return listener.hasServed ? undefined : [...(workers ?? [])].at(-1);
  }

  /** Sends what can be served, as far as the window allows. */
  #flush(): void {
    const workers = this.#serving ? [this.#serving] : new Set([...this.#openBy.values()].flatMap((set) => [...set]));
    for (const worker of workers) {
      while (this.#onTheirWayTo(worker) < WINDOW) {
        const connection = this.#waiting.take((listener) => this.#serverOf(listener) === worker);
        if (!connection) break;
        this.#send(connection, worker);
      }
    }
    this.#settle();
  }

  #settle(): void {
    if (this.#settling.length === 0) return;
    const oldest = this.#waiting.oldest((listener) => this.#isServed(listener)) ?? Infinity;
    this.#settling = this.#settling.filter(({ before, resolve }) => {
      if (oldest > before) resolve();
      return oldest <= before;
    });
  }

  /** Connections that have not reached a worker yet. */
  #onTheirWayTo(worker: WorkerHandle): number {
    let count = 0;
    for (const sentTo of this.#sent.values()) if (sentTo === worker) count++;
    return count;
  }

  #send(connection: Connection, worker: WorkerHandle): void {
    const { handle, listener, isIdle, luggage } = connection;
    this.#sent.set(connection, worker);
    const message = { type: 'connection', listener: listener.id, idle: isIdle, ...(luggage && { luggage }) } as const;
    worker.sendHandle(message, handle, (hasArrived) => {
      if (!this.#sent.delete(connection)) return;
      if (hasArrived) handle.close();
      else this.#route(connection);
      this.#flush();
    });
  }

  /** One timer, for the connection that has waited longest. */
  #refuseLater(): NodeJS.Timeout | undefined {
    const oldest = this.#waiting.oldest();
    if (oldest === undefined) return undefined;
    const wait = oldest + this.#options.holdTimeout - performance.now();
    return setTimeout(
      () => {
        const due = performance.now() - this.#options.holdTimeout;
        const isDue = ({ listener }: Connection, since: number): boolean => since <= due && !this.#isServed(listener);
        for (const connection of this.#waiting.takeAll(isDue)) this.#refuse(connection);
        this.#holdTimer = this.#refuseLater();
      },
      wait > 0 ? wait : LOOK_AGAIN,
    ).unref();
  }

  #refuse({ handle, listener, luggage }: Connection): void {
    const bytes = unpackRequest(luggage);
    // With other luggage it is in the midst of something, where an answer would be no answer.
    if (listener.query.http && (!luggage || bytes)) this.#unavailable.answer(handle, bytes);
    else handle.close();
  }

  /** A generation may have removed the file of a socket, in a start that has failed or at its end. */
  #restoreFiles(): void {
    for (const port of this.#ports.values()) if (port instanceof Listener) void port.restore();
  }

  #onEnded(worker: WorkerHandle): void {
    this.#restoreFiles();
    if (this.#serving === worker) this.#serving = undefined;
    for (const workers of this.#openBy.values()) workers.delete(worker);
    for (const [listener, move] of this.#moves) if (move.worker === worker) this.#moves.delete(listener);
    for (const [connection, sentTo] of this.#sent) {
      if (sentTo !== worker) continue;
      this.#sent.delete(connection);
      this.#route(connection);
    }
    // With what waits for it.
    for (const port of this.#openBy.keys()) if (!port.hasServed) this.#closeUnclaimed(port);
  }
}
