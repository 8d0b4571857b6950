import type { Luggage, RawHandle } from '../../protocol.ts';

/** A connection on its way back to the primary. */
export interface HandBack {
  listener: number;
  handle: RawHandle;
  /** Requests were answered on it, and the next one is awaited. */
  isIdle: boolean;
  luggage?: Luggage | undefined;
}

/**
 * How many are given to Node at once. It sends the next one when the last one was acknowledged, and then goes through
 * all that wait (lib/internal/child_process.js, Node 20–26): thousands would cost the square of their number, and
 * every other message would wait behind them.
 */
const WINDOW = 2;

/** The connections that are to be handed back, one after the other. */
export class HandBacks {
  readonly #send: (connection: HandBack) => Promise<void>;
  #waiting: (HandBack | Promise<HandBack | undefined>)[] = [];
  #next = 0;
  #underWay = 0;
  #flushed: (() => void)[] = [];

  /** `send` resolves when a connection is in the channel. */
  constructor(send: (connection: HandBack) => Promise<void>) {
    this.#send = send;
  }

  /** One that is being prepared can still turn out not to be one. */
  add(connection: HandBack | Promise<HandBack | undefined>): void {
    this.#waiting.push(connection);
    this.#sendMore();
  }

  /** Resolves when all are in the channel. */
  flushed(): Promise<void> {
    return this.#isEmpty ? Promise.resolve() : new Promise((resolve) => this.#flushed.push(resolve));
  }

  get #isEmpty(): boolean {
    return this.#underWay === 0 && this.#next === this.#waiting.length;
  }

  #sendMore(): void {
    while (this.#underWay < WINDOW && this.#next < this.#waiting.length) {
      const connection = this.#waiting[this.#next++] as HandBack | Promise<HandBack | undefined>;
      this.#underWay++;
      const sent =
        connection instanceof Promise ? connection.then((ready) => this.#sendOne(ready)) : this.#sendOne(connection);
      void sent.then(() => {
        this.#underWay--;
        this.#sendMore();
      });
    }
    if (!this.#isEmpty) return;
    this.#waiting = [];
    this.#next = 0;
    for (const resolve of this.#flushed.splice(0)) resolve();
  }

  async #sendOne(connection: HandBack | undefined): Promise<void> {
    if (!connection) return;
    await this.#send(connection);
    connection.handle.close();
  }
}
