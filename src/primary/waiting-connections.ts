import type { RawHandle } from '../protocol.ts';
import type { Listener } from './listener.ts';

/** A connection of which the primary has the only or the last copy. */
export interface Connection {
  handle: RawHandle;
  listener: Listener;
  /** Requests were answered on it before it was handed back, and the next one is awaited. */
  isIdle: boolean;
}

interface Waiting {
  connection: Connection;
  since: number;
}

/**
 * Connections that are to be sent to a worker, in the order in which they are due: first those on which a client waits
 * for its answer, then those that a worker has handed back, on most of which nobody waits.
 */
export class WaitingConnections {
  #accepted: Waiting[] = [];
  #handedBack: Waiting[] = [];

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

  /** Since when the one waits that has waited longest. */
  get oldest(): number | undefined {
    const first = [this.#accepted[0], this.#handedBack[0]].filter((waiting) => waiting !== undefined);
    return first.length > 0 ? Math.min(...first.map(({ since }) => since)) : undefined;
  }

  /** Takes out the next one whose listener passes. */
  take(passes: (listener: Listener) => boolean): Connection | undefined {
    for (const queue of [this.#accepted, this.#handedBack]) {
      const index = queue.findIndex(({ connection }) => passes(connection.listener));
      if (index >= 0) return queue.splice(index, 1)[0]?.connection;
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
