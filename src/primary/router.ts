import { constants } from 'node:os';
import type { ListenAnswer, ListenQuery, MessageToPrimary, RawHandle } from '../protocol.ts';
import { Listener } from './listener.ts';
import { UnavailableServer } from './unavailable.ts';
import type { WorkerHandle } from './worker-handle.ts';

interface Connection {
  handle: RawHandle;
  listener: Listener;
}

interface Held extends Connection {
  since: number;
}

interface Sent extends Connection {
  worker: WorkerHandle;
}

/**
 * How many connections may be on their way to a worker. Node sends one at a time and acknowledges each, with every
 * other message waiting behind them; the word that a handover begins must not wait behind a burst.
 */
const WINDOW = 2;

/** What clients noticed of a hold. */
export interface HoldReport {
  connections: number;
  longestMs: number;
}

export interface RouterOptions {
  /** How long a connection is held at most, in milliseconds. */
  holdTimeout: number;
  /** How many connections are held at most. */
  holdLimit: number;
  /** Why nothing serves, for the 503 page. */
  reason: () => string;
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
  /** Connections sent to a worker that has not said yet whether it took them, by sequence number. */
  readonly #sent = new Map<number, Sent>();
  #held: Held[] = [];
  #holdTimer: NodeJS.Timeout | undefined;
  #serving: WorkerHandle | undefined;
  #isHolding = false;
  #lastListener = 0;
  #lastSeq = 0;
  #report: HoldReport = { connections: 0, longestMs: 0 };

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
    this.#report = { connections: 0, longestMs: 0 };
    const now = performance.now();
    for (const { listener, since } of this.#held) {
      if (!this.#isServed(listener)) continue;
      this.#report.connections++;
      this.#report.longestMs = Math.max(this.#report.longestMs, now - since);
    }
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

  /** What the last hold has held. */
  get report(): HoldReport {
    return this.#report;
  }

  /** Closes all listeners; what is held is refused. */
  stop(): void {
    for (const listener of this.#listeners.values()) listener.close();
    this.#listeners.clear();
    this.#openBy.clear();
    for (const connection of this.#held.splice(0)) this.#refuse(connection);
    clearTimeout(this.#holdTimer);
  }

  async #listen(worker: WorkerHandle, query: ListenQuery): Promise<ListenAnswer> {
    const key = Listener.key(query);
    let listener = this.#listeners.get(key);
    if (listener && this.#openBy.get(listener)?.has(worker)) return { listener: 0, errno: -constants.errno.EADDRINUSE };
    if (!listener) {
      const created = new Listener(++this.#lastListener, query);
      const errno = await created.bind((handle) => this.#route({ handle, listener: created }));
      if (errno !== 0) return { listener: 0, errno };
      listener = created;
      this.#listeners.set(key, listener);
      this.#openBy.set(listener, new Set());
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
    this.#held = this.#held.filter((held) => {
      if (held.listener === listener) this.#refuse(held);
      return held.listener !== listener;
    });
  }

  #find(id: number): Listener | undefined {
    return [...this.#listeners.values()].find((listener) => listener.id === id);
  }

  #receive(message: MessageToPrimary, handle: RawHandle | undefined): void {
    if (message.type === 'connection-answer') {
      const sent = this.#sent.get(message.seq);
      if (!sent) return;
      this.#sent.delete(message.seq);
      if (message.accepted) sent.handle.close();
      else this.#route(sent);
      this.#flush();
    } else if (message.type === 'hand-back' && handle) {
      const listener = this.#find(message.listener);
      if (listener) this.#route({ handle, listener });
      else handle.close();
    }
  }

  #route(connection: Connection): void {
    if (!this.#isServed(connection.listener) && this.#held.length >= this.#options.holdLimit) {
      this.#refuse(connection);
      return;
    }
    this.#held.push({ handle: connection.handle, listener: connection.listener, since: performance.now() });
    this.#flush();
    this.#holdTimer ??= this.#refuseLater();
  }

  #isServed(listener: Listener): boolean {
    return !this.#isHolding && this.#serving !== undefined && this.#openBy.get(listener)?.has(this.#serving) === true;
  }

  /** Sends what can be served, in order, as far as the window allows. */
  #flush(): void {
    for (let index = 0; index < this.#held.length && this.#onTheirWay() < WINDOW;) {
      const { listener, handle } = this.#held[index] as Held;
      if (!this.#isServed(listener)) {
        index++;
        continue;
      }
      this.#held.splice(index, 1);
      this.#send({ handle, listener });
    }
  }

  /** Connections that the serving worker has not answered yet. */
  #onTheirWay(): number {
    let count = 0;
    for (const { worker } of this.#sent.values()) if (worker === this.#serving) count++;
    return count;
  }

  #send({ handle, listener }: Connection): void {
    const worker = this.#serving as WorkerHandle;
    const seq = ++this.#lastSeq;
    this.#sent.set(seq, { handle, listener, worker });
    worker.send({ type: 'connection', seq, listener: listener.id }, handle);
  }

  /** One timer, for the connection that has waited longest. */
  #refuseLater(): NodeJS.Timeout | undefined {
    const oldest = this.#held[0];
    if (!oldest) return undefined;
    const wait = oldest.since + this.#options.holdTimeout - performance.now();
    return setTimeout(
      () => {
        const due = performance.now() - this.#options.holdTimeout;
        this.#held = this.#held.filter((held) => {
          const isRefused = held.since <= due && !this.#isServed(held.listener);
          if (isRefused) this.#refuse(held);
          return !isRefused;
        });
        this.#holdTimer = this.#refuseLater();
      },
      Math.max(1, wait),
    );
  }

  #refuse({ handle, listener }: Connection): void {
    if (listener.query.http) this.#unavailable.answer(handle);
    else handle.close();
  }

  #onEnded(worker: WorkerHandle): void {
    if (this.#serving === worker) this.#serving = undefined;
    for (const [listener, workers] of this.#openBy) {
      workers.delete(worker);
      if (!listener.hasServed) this.#closeUnclaimed(listener);
    }
    for (const [seq, sent] of this.#sent) {
      if (sent.worker !== worker) continue;
      this.#sent.delete(seq);
      this.#route(sent);
    }
  }
}
