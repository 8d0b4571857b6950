import type { Luggage, RawHandle } from '../protocol.ts';
import type { Listener } from './listener.ts';

/** A connection of which the primary has the only or the last copy. */
export interface Connection {
  handle: RawHandle;
  listener: Listener;
  /** Requests were answered on it before it was handed back, and the next one is awaited. */
  isIdle: boolean;
  /** What the worker that handed it back gave with it. */
  luggage?: Luggage | undefined;
}

interface Waiting {
  connection: Connection;
  since: number;
}

/**
 * Connections that are to be sent to a worker. On one that was accepted a client waits for its answer; on most of those
 * that a worker has handed back nobody does, but there may be thousands. So they take turns: neither waits for all of
 * the others.
 */
export class WaitingConnections {
  #accepted: Waiting[] = [];
  #handedBack: Waiting[] = [];
  #isTurnOfHandedBack = false;

  add(connection: Connection, { isHandedBack }: { isHandedBack: boolean }): void {
    (isHandedBack ? this.#handedBack : this.#accepted).push({ connection, since: performance.now() });
  }

  /** How many clients wait. */
  get accepted(): number {
    return this.#accepted.length;
  }

  /** Since when the clients wait whose listener passes. */
  since(passes: (listener: Listener) => boolean): number[] {
    return this.#accepted.filter(({ connection }) => passes(connection.listener)).map(({ since }) => since);
  }

  /** Since when the one waits that has waited longest, of those whose listener passes. */
  oldest(passes: (listener: Listener) => boolean = () => true): number | undefined {
    const first = [this.#accepted, this.#handedBack].flatMap(
      (queue) => queue.find(({ connection }) => passes(connection.listener)) ?? [],
    );
    return first.length > 0 ? Math.min(...first.map(({ since }) => since)) : undefined;
  }

  /** Takes out the next one whose listener passes. */
  take(passes: (listener: Listener) => boolean): Connection | undefined {
    const queues = [this.#accepted, this.#handedBack];
    if (this.#isTurnOfHandedBack) queues.reverse();
    for (const queue of queues) {
      const index = queue.findIndex(({ connection }) => passes(connection.listener));
      if (index < 0) continue;
      this.#isTurnOfHandedBack = queue === this.#accepted;
      return queue.splice(index, 1)[0]?.connection;
    }
    return undefined;
  }

  /** Takes out all that pass. */
  takeAll(passes: (connection: Connection, since: number) => boolean = () => true): Connection[] {
    const taken: Connection[] = [];
    const stays = ({ connection, since }: Waiting): boolean => {
      const isTaken = passes(connection, since);
      if (isTaken) taken.push(connection);
      return !isTaken;
    };
    this.#accepted = this.#accepted.filter(stays);
    this.#handedBack = this.#handedBack.filter(stays);
    return taken;
  }
}
