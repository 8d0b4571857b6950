import { unpackRequest } from '../http-luggage.ts';
import type { ListenQuery, MessageToPrimary, RawHandle } from '../protocol.ts';
import { Listener } from './listener.ts';
import { Ports } from './ports.ts';
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
 * Owns every connection that no worker has acknowledged. A connection goes to the serving worker when that has the
 * listener open; else it is held, with nothing read from it.
 */
export class Router {
  readonly ports: Ports;
  readonly #options: RouterOptions;
  readonly #unavailable: UnavailableServer;
  /** Connections that have not reached the worker yet to which they were sent. */
  readonly #sent = new Map<Connection, WorkerHandle>();
  readonly #waiting = new WaitingConnections();
  #holdTimer: NodeJS.Timeout | undefined;
  #isHolding = false;
  #report: HoldReport = { connections: 0, longestMs: 0 };
  /** Who waits for the connections that came before a time to have reached the serving worker. */
  #settling: { before: number; resolve: () => void }[] = [];

  constructor(options: RouterOptions) {
    this.#options = options;
    this.#unavailable = new UnavailableServer(options.reason);
    this.ports = new Ports({
      claimTimeout: options.holdTimeout,
      createListener: options.createListener,
      onConnection: (handle, listener) => this.#accept(handle, listener),
      onOpen: () => this.#flush(),
      onClose: (port) => this.#refuseAll(({ listener }) => listener === port),
    });
  }

  /** Lets a worker open ports and answer connections. */
  attach(worker: WorkerHandle): void {
    this.ports.attach(worker);
    worker.on('message', (message, handle) => this.#receive(message, handle));
    worker.on('ended', () => this.#onEnded(worker));
  }

  /** Routes nothing until release() or serve(). */
  hold(): void {
    this.#isHolding = true;
  }

  release(): void {
    this.#isHolding = false;
    this.ports.restoreFiles();
    const now = performance.now();
    const held = this.#waiting.since((listener) => this.#isServed(listener)).map((since) => now - since);
    this.#report = { connections: held.length, longestMs: Math.max(0, ...held) };
    this.#flush();
  }

  /** From now on this worker gets the connections. Those that were held go first. */
  serve(worker: WorkerHandle): void {
    this.ports.serve(worker);
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
    this.ports.closeAll();
    this.#refuseAll();
    clearTimeout(this.#holdTimer);
  }

  #receive(message: MessageToPrimary, handle: RawHandle | undefined): void {
    if (message.type !== 'hand-back' || !handle) return;
    const { idle, luggage } = message;
    const listener = this.ports.find(message.listener);
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
    const { serving } = this.ports;
    if (serving) return this.ports.isOpenBy(serving, listener) ? serving : undefined;
    // A first generation that listens answers, as any process does: it may ask itself something before it is ready.
    return listener.hasServed ? undefined : this.ports.workersOf(listener).at(-1);
  }

  /** Sends what can be served, as far as the window allows. */
  #flush(): void {
    const { serving, workers } = this.ports;
    for (const worker of serving ? [serving] : workers) {
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
        this.#refuseAll(isDue);
        this.#holdTimer = this.#refuseLater();
      },
      wait > 0 ? wait : LOOK_AGAIN,
    ).unref();
  }

  #refuseAll(passes?: (connection: Connection, since: number) => boolean): void {
    for (const connection of this.#waiting.takeAll(passes)) this.#refuse(connection);
  }

  #refuse({ handle, listener, luggage }: Connection): void {
    const bytes = unpackRequest(luggage);
    // With other luggage it is in the midst of something, where an answer would be no answer.
    if (listener.query.http && (!luggage || bytes)) this.#unavailable.answer(handle, bytes);
    else handle.close();
  }

  #onEnded(worker: WorkerHandle): void {
    this.ports.forget(worker);
    for (const [connection, sentTo] of this.#sent) {
      if (sentTo !== worker) continue;
      this.#sent.delete(connection);
      this.#route(connection);
    }
    // With what waits for it.
    this.ports.closeUnserved();
  }
}
