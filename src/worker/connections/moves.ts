import type { Socket } from 'node:net';
import { performance } from 'node:perf_hooks';
import type { Luggage, RawHandle } from '../../protocol.ts';
import { withTimeout } from '../../timeout.ts';
import { detachHandle } from './http-connections.ts';
import type { Movable } from './movable.ts';
import { takeUnread } from './reading.ts';

/** What was written is in the kernel after this time, unless that is full; in milliseconds. */
const SOON = 50;

/** How many times the app is asked for the data of a connection at most: it may send something each time. */
const MOST_SAVES = 3;

/** A frozen connection on its way out. */
export interface Leaving {
  socket: Socket;
  /** As performance.now() tells. */
  frozen?: { since: number };
  /** It is looked at again when something has changed. */
  isAwaited?: boolean;
  /** The app's data of it, when it last was about to move. */
  saved?: { data: string | undefined; times: number };
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

  /** All have been looked at. */
  looked(): void {
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
    const isReady = (): boolean => !movable.isBusy && socket.writableLength === 0;
    const times = connection.saved?.times ?? 0;
    if (isReady() && times < MOST_SAVES) connection.saved = { data: movable.save(), times: times + 1 };
    // The app may have sent something in save(), or since: then it is asked again, so that both agree.
    if (movable.isBusy) {
      if (!connection.isAwaited) this.#almost.add(connection);
      this.lookAfter(connection, movable.change());
    } else if (!isReady()) {
      this.flush(connection);
    } else {
      const luggage = movable.pack(takeUnread(socket), connection.saved?.data);
      // To the app it is not a client that has left.
      for (const name of socket.eventNames()) if (name !== 'moved') socket.removeAllListeners(name);
      socket.on('error', () => {});
      const handle = detachHandle(socket);
      return handle && { handle, luggage };
    }
    return undefined;
  }

  /** Until what was written is in the kernel. */
  flush(connection: C): void {
    if (connection.isAwaited) return;
    this.#almost.add(connection);
    // Its client is a slow reader.
    setTimeout(() => this.#almost.delete(connection) && this.looked(), SOON).unref();
    this.lookAfter(connection, new Promise<void>((resolve) => connection.socket.write('', () => resolve())));
  }

  lookAfter(connection: C, change: Promise<unknown>): void {
    if (connection.isAwaited) return;
    connection.isAwaited = true;
    void change.then(() => {
      connection.isAwaited = false;
      this.#almost.delete(connection);
      this.#onChange(connection);
    });
  }
}
