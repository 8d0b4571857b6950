import type { Socket } from 'node:net';
import { performance } from 'node:perf_hooks';
import { Writable } from 'node:stream';
import type { Luggage, RawHandle } from '../../protocol.ts';
import { withTimeout } from '../../timers.ts';
import { detachHandle } from './http-connections.ts';
import type { Movable } from './movable.ts';
import { takeUnread } from './reading.ts';

/** What was written is in the kernel after this time, unless its client is a slow reader; in milliseconds. */
const SOON = 50;

/** A frozen connection on its way out. */
export interface Leaving {
  socket: Socket;
  /** As performance.now() tells. */
  frozen?: { since: number };
  /** It is looked at again when something has changed. */
  isAwaited?: boolean;
  /** The app has lost it: what was sent on it is being written. */
  hasLeft?: boolean;
  /** Its client does not read what was written. */
  isSlow?: boolean;
}

/** Lets connections leave as soon as nothing of what was read or sent would be lost. */
export class Moves<C extends Leaving> {
  /** How long what is being handled keeps a connection, in milliseconds. */
  patience = 0;
  readonly #onChange: (connection: C) => void;
  /** Those that move in a moment, when what was sent on them has been compressed or written. */
  readonly #almost = new Set<C>();
  #waiting: (() => void)[] = [];

  /** `onChange`: a connection that could not move may be able to now. */
  constructor(onChange: (connection: C) => void) {
    this.#onChange = onChange;
  }

  /** Resolves when every connection that need not wait for its client or the app has moved. */
  async movedAtOnce(): Promise<void> {
    if (this.#almost.size > 0) await new Promise<void>((resolve) => this.#waiting.push(resolve));
  }

  /** All that are still here have been looked at. */
  looked(isHere: (connection: C) => boolean): void {
    for (const connection of this.#almost) if (!isHere(connection)) this.#almost.delete(connection);
    if (this.#almost.size === 0) for (const resolve of this.#waiting.splice(0)) resolve();
  }

  /** Takes the descriptor out of a connection; undefined: it has to wait. */
  take(connection: C, movable: Movable): { handle: RawHandle; luggage: Luggage } | undefined {
    const { socket, frozen } = connection;
    const left = (frozen?.since ?? 0) + this.patience - performance.now();
    if (movable.isHandling && left > 0) {
      const change = withTimeout(movable.change(), left, () => undefined);
      this.lookAfter(connection, change);
      return undefined;
    }
    if (!connection.hasLeft && !movable.isReading) {
      connection.hasLeft = true;
      movable.leave();
    }
    if (!connection.hasLeft || movable.isSending) {
      if (!connection.isSlow) this.#almost.add(connection);
      this.lookAfter(connection, movable.change());
    } else if (socket.writableLength > 0) {
      this.flush(connection);
    } else {
      const luggage = movable.pack(takeUnread(socket));
      // To the app it is not a client that has left.
      socket.removeAllListeners();
      socket.on('error', () => {});
      const handle = detachHandle(socket);
      return handle && { handle, luggage };
    }
    return undefined;
  }

  /** Until what was written is in the kernel. */
  flush(connection: C): void {
    if (!connection.isSlow) this.#almost.add(connection);
    if (connection.isAwaited) return;
    const giveUp = (): void => {
      connection.isSlow = true;
      this.#almost.delete(connection);
      this.#onChange(connection);
    };
    // This process may have had no time, and the word of it is yet to be read.
    setTimeout(() => setImmediate(giveUp), SOON).unref();
    // An app that has lost it can't write to it any more.
    const write = Writable.prototype.write.bind(connection.socket);
    this.lookAfter(connection, new Promise<void>((resolve) => write('', () => resolve())));
  }

  lookAfter(connection: C, change: Promise<unknown>): void {
    if (connection.isAwaited) return;
    connection.isAwaited = true;
    void change.then(() => {
      connection.isAwaited = false;
      this.#onChange(connection);
    });
  }
}
