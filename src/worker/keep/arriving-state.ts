import type { BlobSink } from '../../blob-frames.ts';
import { BlobReader, type BlobEntry, type BlobPart } from '../../state/blob.ts';
import { ValueDecoder } from '../../state/codec.ts';

/** A kept value as it came. */
export interface ArrivedEntry extends BlobEntry {
  /** It was decoded while it came. */
  decoder: ValueDecoder | undefined;
  /** It was so large that its parts were not kept. */
  isOnlyDecoded: boolean;
}

/** A plain value of more bytes isn't kept in its parts besides. */
const LARGEST_KEPT = 1024 * 1024;

interface Decoding {
  /** undefined: it failed. */
  decoder: ValueDecoder | undefined;
  size: number;
}

/**
 * State as it arrives. What needs nothing of the app is decoded at once, while the old generation still serializes the
 * rest; all else, when the app asks for it.
 */
export class ArrivingState implements BlobSink {
  readonly #reader = new BlobReader((entry, part) => this.#decode(entry, part));
  readonly #decodings = new Map<BlobEntry, Decoding>();
  #entries: Map<string, BlobEntry> | undefined;
  #failure: unknown;

  write(bytes: Buffer): void {
    this.#attempt(() => this.#reader.feed(bytes));
  }

  end(): void {
    this.#attempt(() => (this.#entries = this.#reader.end()));
  }

  abort(): void {
    this.#decodings.clear();
  }

  /** What has come, by key. Throws HandoverError STATE_REJECTED when it is no state. */
  take(): Map<string, ArrivedEntry> {
    if (!this.#entries) throw this.#failure;
    const arrived = [...this.#entries.values()].map((entry): ArrivedEntry => {
      const { decoder, size } = this.#decodings.get(entry) ?? { decoder: undefined, size: 0 };
      return { ...entry, decoder, isOnlyDecoded: decoder !== undefined && size > LARGEST_KEPT };
    });
    return new Map(arrived.map((entry) => [entry.key, entry]));
  }

  /** Told by take(): this process isn't the one that is to fail on what it may never need. */
  #attempt(step: () => void): void {
    if (this.#failure) return;
    try {
      step();
    } catch (error) {
      this.#failure = error;
    }
  }

  #decode(entry: BlobEntry, part: BlobPart): boolean {
    if (!entry.isPlain) return false;
    const decoding = this.#decodings.get(entry) ?? { decoder: new ValueDecoder(), size: 0 };
    this.#decodings.set(entry, decoding);
    decoding.size += part.bytes.length;
    try {
      decoding.decoder?.read(part);
    } catch (error) {
      if (decoding.size > LARGEST_KEPT) throw error;
      // Decoded anew when it is asked for, which tells what is wrong.
      decoding.decoder = undefined;
    }
    if (!decoding.decoder || decoding.size <= LARGEST_KEPT) return false;
    entry.parts.length = 0;
    return true;
  }
}
