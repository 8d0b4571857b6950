import { constants } from 'node:os';
import { unpackRequest } from '../http-luggage.ts';
import type { ListenAnswer, ListenQuery, MessageToPrimary, RawHandle } from '../protocol.ts';
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

/**
 * Owns the listeners and every connection that no worker has acknowledged. A connection goes to the serving
 * worker when that has the listener open; else it is held, with nothing read from it.
 */
export class Router {
  readonly #options: RouterOptions;
  readonly #unavailable: UnavailableServer;
  readonly #listeners = new Map<string, Listener>();
  /** Which workers have a listener open. */
  readonly #openBy = new Map<Listener, Set<WorkerHandle>>();
  /** Connections that have not reached the worker yet to which they were sent. */
  readonly #sent = new Map<Connection, WorkerHandle>();
  readonly #waiting = new WaitingConnections();
  #holdTimer: NodeJS.Timeout | undefined;
  #serving: WorkerHandle | undefined;
  #isHolding = false;
  #lastListener = 0;
  #report: HoldReport = { connections: 0, longestMs: 0 };
  /** Who waits for the connections that came before a time to have reached the serving worker. */
  #settling: { before: number; resolve: () => void }[] = [];

  constructor(options: RouterOptions) {
    this.#options = options;
    this.#unavailable = new UnavailableServer(options.reason);
  }

  /** Whether the serving generation listens anywhere. */
  get isListening(): boolean {
    return [...this.#listeners.values()].some((listener) => listener.hasServed);
  }

  /** Lets a worker open listeners and answer connections. */
  attach(worker: WorkerHandle): void {
    worker.calls.serve({
      listen: (query) => this.#listen(worker, query),
      close: (id) => this.#close(worker, id),
    });
    worker.on('message', (message, handle) => this.#receive(message, handle));
    worker.on('ended', () => this.#onEnded(worker));
  }

  /** Whether a worker has any listener open. */
  listens(worker: WorkerHandle): boolean {
    return [...this.#openBy.values()].some((workers) => workers.has(worker));
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
    for (const [listener, workers] of this.#openBy) {
      if (workers.has(worker)) listener.hasServed = true;
      // It may open this listener a little later; its clients wait as long as a hold may last.
      else
        setTimeout(() => this.#serving === worker && this.#closeUnclaimed(listener), this.#options.holdTimeout).unref();
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

  /** Closes all listeners; what is held is refused. */
  stop(): void {
    for (const listener of this.#listeners.values()) listener.close();
    this.#listeners.clear();
    this.#openBy.clear();
    for (const connection of this.#waiting.takeAll()) this.#refuse(connection);
    clearTimeout(this.#holdTimer);
  }

  async #listen(worker: WorkerHandle, query: ListenQuery): Promise<ListenAnswer> {
    const key = Listener.key(query);
    let listener = this.#listeners.get(key);
    if (listener && this.#openBy.get(listener)?.has(worker)) return { listener: 0, errno: -constants.errno.EADDRINUSE };
    if (!listener) {
      const { createListener = (id, query) => new Listener(id, query) } = this.#options;
      const created = createListener(++this.#lastListener, query);
      const errno = await created.bind((handle) => this.#accept(handle, created));
      if (errno !== 0) return { listener: 0, errno };
      listener = created;
      this.#listeners.set(key, listener);
      this.#openBy.set(listener, new Set());
    } else {
      const errno = await listener.restore();
      if (errno !== 0) return { listener: 0, errno };
    }
    this.#openBy.get(listener)?.add(worker);
    if (worker === this.#serving) {
      listener.hasServed = true;
      // Its server has no handle to emit on before the answer has arrived.
      setImmediate(() => this.#flush());
    }
    const { id, name } = listener;
    return { listener: id, errno: 0, ...(name && { name }) };
  }

  #close(worker: WorkerHandle, id: number): void {
    const listener = this.#find(id);
    if (!listener) return;
    this.#openBy.get(listener)?.delete(worker);
    // Its own server.close(): the port is to be free. A generation that ends closes its servers, too, but not its port.
    if (worker === this.#serving) this.#closeUnclaimed(listener);
  }

  #closeUnclaimed(listener: Listener): void {
    if (this.#openBy.get(listener)?.size !== 0) return;
    listener.close();
    this.#openBy.delete(listener);
    this.#listeners.delete(Listener.key(listener.query));
    for (const connection of this.#waiting.takeAll((waiting) => waiting.listener === listener)) {
      this.#refuse(connection);
    }
  }

  #find(id: number): Listener | undefined {
    return [...this.#listeners.values()].find((listener) => listener.id === id);
  }

  #receive(message: MessageToPrimary, handle: RawHandle | undefined): void {
    if (message.type !== 'hand-back' || !handle) return;
    const { idle, luggage } = message;
    const listener = this.#find(message.listener);
    if (listener) this.#route({ handle, listener, isIdle: idle, luggage }, { isHandedBack: true });
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
    return !this.#isHolding && this.#serving !== undefined && this.#openBy.get(listener)?.has(this.#serving) === true;
  }

  /** Sends what can be served, as far as the window allows. */
  #flush(): void {
    while (this.#onTheirWay() < WINDOW) {
      const connection = this.#waiting.take((listener) => this.#isServed(listener));
      if (!connection) break;
      this.#send(connection);
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

  /** Connections that have not reached the serving worker yet. */
  #onTheirWay(): number {
    let count = 0;
    for (const worker of this.#sent.values()) if (worker === this.#serving) count++;
    return count;
  }

  #send(connection: Connection): void {
    const { handle, listener, isIdle, luggage } = connection;
    const worker = this.#serving as WorkerHandle;
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
    for (const listener of this.#listeners.values()) void listener.restore();
  }

  #onEnded(worker: WorkerHandle): void {
    this.#restoreFiles();
    if (this.#serving === worker) this.#serving = undefined;
    for (const [listener, workers] of this.#openBy) {
      workers.delete(worker);
      if (!listener.hasServed) this.#closeUnclaimed(listener);
    }
    for (const [connection, sentTo] of this.#sent) {
      if (sentTo !== worker) continue;
      this.#sent.delete(connection);
      this.#route(connection);
    }
  }
}
