import { messageOf } from '../../errors.ts';
import { BlobWriter, decodeBlob } from '../../state/blob.ts';
import { decodeValue, encodeValue } from '../../state/codec.ts';

const KEY = 'data';

/** What the app says of a connection, in a form in which it travels. What can't be carried is named in a warning. */
export class CarriedData {
  readonly #caller: string;
  readonly #save: ((socket: never) => unknown) | undefined;
  readonly #warn: (message: string) => void;
  /** Thousands of connections may have the same thing to say. */
  readonly #told = new Set<string>();

  /** `caller`: the function that was given `save`. */
  constructor(caller: string, save: ((socket: never) => unknown) | undefined, warn: (message: string) => void) {
    this.#caller = caller;
    this.#save = save;
    this.#warn = warn;
  }

  /** undefined: there is nothing. */
  pack(socket: unknown): string | undefined {
    const pieces: Buffer[] = [];
    try {
      const value = this.#save?.(socket as never);
      if (value === undefined) return undefined;
      const { isPlain, problems, write } = encodeValue(value, `${this.#caller}: save()`);
      const writer = new BlobWriter((bytes) => pieces.push(Buffer.from(bytes)));
      if (write) writer.entry({ key: KEY, version: 1, isPlain }, write);
      for (const { path, kind } of problems) this.#tell(`not carried over: ${path}: ${kind}`);
      if (writer.count === 0) return undefined;
      writer.end();
    } catch (error) {
      this.#tell(`${this.#caller}: save() failed, the connection moves without its data: ${messageOf(error)}`);
      return undefined;
    }
    return Buffer.concat(pieces).toString('base64');
  }

  unpack(text: string | undefined): unknown {
    if (text === undefined) return undefined;
    try {
      const entry = decodeBlob(Buffer.from(text, 'base64')).get(KEY);
      return entry && decodeValue(entry.parts);
    } catch (error) {
      this.#tell(`${this.#caller}: a connection has moved without its data: ${messageOf(error)}`);
      return undefined;
    }
  }

  #tell(message: string): void {
    if (this.#told.has(message)) return;
    this.#told.add(message);
    this.#warn(message);
  }
}
