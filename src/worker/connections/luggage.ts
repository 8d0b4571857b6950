import type { HandBack } from './hand-backs.ts';
import type { ListenHandle } from './listeners.ts';

/** Gives a connection to whom it is for, in the same turn: until then nobody looks after it. */
export type Unpack = (data: unknown, connection: HandBack, listener: ListenHandle) => void;

/** Who unpacks which kind of luggage (see Luggage in the protocol). */
export class Unpackers {
  readonly #kinds = new Map<string, Unpack>();

  set(kind: string, unpack: Unpack): void {
    this.#kinds.set(kind, unpack);
  }

  unpack(connection: HandBack, listener: ListenHandle): void {
    const { luggage, handle } = connection;
    const unpack = luggage && this.#kinds.get(luggage.kind);
    if (unpack) unpack(luggage.data, connection, listener);
    // Of another version of this package: bytes in the midst of a protocol that is not known here.
    else handle.close();
  }
}
