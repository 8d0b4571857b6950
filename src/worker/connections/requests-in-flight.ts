import type { ServerResponse } from 'node:http';
import type { Connection } from './connection.ts';
import { requestOf, responseOf, setReading, speaksHttp } from './http-connections.ts';
import { guardRequests } from './late-requests.ts';

export interface RequestsInFlightOptions {
  isServing: () => boolean;
  /** Whether a request that comes now is begun. */
  mayBegin: () => boolean;
  /** What is waited for may have ended. */
  onChange: () => void;
  /** The requests on a connection are answered; the next one has been read, and is not for this process. */
  onLate: (connection: Connection) => void;
}

/** The requests that this process has begun and finishes, and what comes behind them, while it comes to rest. */
export class RequestsInFlight {
  readonly #options: RequestsInFlightOptions;
  /** Those whose last response has ended: not being read until it is known whether they are idle. */
  readonly #suspended = new Set<Connection>();

  constructor(options: RequestsInFlightOptions) {
    this.#options = options;
  }

  /** Until a response has ended, and those of pipelined requests behind it. */
  follow(connection: Connection, response: ServerResponse): void {
    // A pipelined one comes after it.
    if (connection.response) return;
    connection.response = response;
    response.once('close', () => {
      connection.response = undefined;
      const next = responseOf(connection.socket);
      if (next) this.follow(connection, next);
      else if (connection.late && this.#options.isServing()) this.#options.onLate(connection);
      else this.#suspend(connection);
      this.#options.onChange();
    });
  }

  /** Its request was answered before all of it had come. */
  followRest(connection: Connection): void {
    const request = requestOf(connection.socket);
    if (!request || connection.hasRest) return;
    connection.hasRest = true;
    request.once('close', () => {
      connection.hasRest = false;
      this.#suspend(connection);
      this.#options.onChange();
    });
  }

  /** A request that comes behind those in flight is not begun, but goes with the connection. */
  guard(connection: Connection): void {
    connection.guarded = guardRequests(connection.socket, this.#options.mayBegin, (bytes) => {
      connection.late = bytes;
      this.#options.onChange();
    });
  }

  /** It has been looked which are idle. Of all others a part of the next request was read: its rest is waited for. */
  unsuspend(): void {
    for (const { socket, frozen } of this.#suspended) if (!frozen) setReading(socket, true);
    this.#suspended.clear();
  }

  /** At once: its client may have sent the next request already, which is for the next generation. */
  #suspend(connection: Connection): void {
    if (this.#options.isServing() || connection.frozen || !speaksHttp(connection.socket)) return;
    this.#suspended.add(connection);
    setReading(connection.socket, false);
  }
}
