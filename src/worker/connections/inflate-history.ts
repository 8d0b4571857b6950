import type { WsDeflate } from './ws-internals.ts';

/** The largest window of the deflate format, in bits. */
const WIDEST = 15;

/** The last bytes of a stream. It grows with what it is given, up to its size. */
export class LastBytes {
  readonly #size: number;
  #ring: Buffer = Buffer.alloc(0);
  /** Where the next byte goes. */
  #at = 0;
  #isFull = false;

  constructor(size: number) {
    this.#size = size;
  }

  add(bytes: Uint8Array): void {
    const last = bytes.subarray(Math.max(0, bytes.length - this.#size));
    this.#grow(last.length);
    const untilEnd = Math.min(last.length, this.#ring.length - this.#at);
    this.#ring.set(last.subarray(0, untilEnd), this.#at);
    this.#ring.set(last.subarray(untilEnd), 0);
    if (this.#at + last.length >= this.#size) this.#isFull = true;
    this.#at = (this.#at + last.length) % this.#size;
  }

  get bytes(): Buffer {
    const newest = this.#ring.subarray(0, this.#at);
    return Buffer.concat(this.#isFull ? [this.#ring.subarray(this.#at), newest] : [newest]);
  }

  #grow(more: number): void {
    const wanted = Math.min(this.#size, this.#at + more);
    if (this.#ring.length >= wanted) return;
    const ring = Buffer.alloc(Math.min(this.#size, Math.max(wanted, 2 * this.#ring.length)));
    ring.set(this.#ring.subarray(0, this.#at));
    this.#ring = ring;
  }
}

/**
 * What another process needs to go on inflating what a client sends. zlib can't tell what is in its window, nor the state
 * in the midst of a message. So: the last bytes of the messages that were whole, which are its window, and what came of the
 * one that is not.
 */
export class InflateHistory {
  /** Called after each step of inflating or deflating. */
  onChange: () => void = () => {};
  readonly deflate: WsDeflate;
  /** undefined: the client begins anew with each message. */
  readonly #window: LastBytes | undefined;
  #unfinished: { compressed: Buffer; inflated: Buffer }[] = [];

  /** Follows what is inflated from now on. `known`: what was inflated before. */
  constructor(deflate: WsDeflate, known: Buffer = Buffer.alloc(0)) {
    this.deflate = deflate;
    if (!deflate.params.client_no_context_takeover) {
      const bits = deflate.params.client_max_window_bits;
      this.#window = new LastBytes(1 << (typeof bits === 'number' ? bits : WIDEST));
      this.#window.add(known);
    }
    const { compress, decompress } = deflate;
    deflate.decompress = (compressed, fin, callback) => {
      decompress.call(deflate, compressed, fin, (error, inflated) => {
        // Before the app gets it, and may change it.
        if (!error) this.#add(compressed, inflated, fin);
        callback(error, inflated);
        this.onChange();
      });
    };
    deflate.compress = (data, fin, callback) => {
      compress.call(deflate, data, fin, (error, result) => {
        callback(error, result);
        this.onChange();
      });
    };
  }

  get packed(): PackedHistory {
    return {
      params: this.deflate.params,
      window: this.#window?.bytes.toString('base64') ?? '',
      unfinished: this.#unfinished.map(({ compressed }) => compressed.toString('base64')),
    };
  }

  /** Inflates what came, in another process, of a message that is not whole. */
  async inflateAgain(unfinished: string[]): Promise<Buffer> {
    const parts: Buffer[] = [];
    for (const compressed of unfinished) {
      parts.push(
        await new Promise<Buffer>((resolve, reject) => {
          this.deflate.decompress(Buffer.from(compressed, 'base64'), false, (error, inflated) =>
            error ? reject(error) : resolve(inflated),
          );
        }),
      );
    }
    return Buffer.concat(parts);
  }

  #add(compressed: Buffer, inflated: Buffer, fin: boolean): void {
    if (!fin) {
      this.#unfinished.push({ compressed, inflated });
      return;
    }
    for (const part of this.#unfinished) this.#window?.add(part.inflated);
    this.#window?.add(inflated);
    this.#unfinished = [];
  }
}

/** In a form that JSON can carry; bytes in base64. */
export interface PackedHistory {
  /** What client and server have agreed on. */
  params: Record<string, unknown>;
  /** The last bytes that were inflated of whole messages. */
  window: string;
  /** The payloads of the frames that have come of a message that is not whole. */
  unfinished: string[];
}
