/** Frames on the wire: a kind, then the id of the blob or the number of bytes that follow. Integers of 32 bits. */
const HEAD = 8;
export const BEGIN = 1;
export const BYTES = 2;
export const END = 3;
export const ABORT = 4;

export function frame(kind: number, argument: number): Buffer {
  const head = Buffer.allocUnsafe(HEAD);
  head.writeUInt32LE(kind, 0);
  head.writeUInt32LE(argument, 4);
  return head;
}

/** What becomes of a blob that arrives: it is told piece by piece. The bytes are to be used at once. */
export interface BlobSink {
  write(bytes: Buffer): void;
  end(): void;
  /** The rest will not come. */
  abort(): void;
}

/** What becomes of the blobs that arrive one after the other. */
export interface BlobsSink extends BlobSink {
  begin(id: number): void;
}

/** Finds the frames in bytes that arrive cut in any way. */
export class FrameReader {
  readonly #sink: BlobsSink;
  readonly #head = Buffer.alloc(HEAD);
  #headFilled = 0;
  #left = 0;

  constructor(sink: BlobsSink) {
    this.#sink = sink;
  }

  /** Throws when they are no frames: after that nothing on the wire has a meaning. */
  read(chunk: Buffer): void {
    let at = 0;
    while (at < chunk.length) {
      if (this.#left > 0) {
        const bytes = chunk.subarray(at, at + this.#left);
        at += bytes.length;
        this.#left -= bytes.length;
        this.#sink.write(bytes);
        continue;
      }
      const copied = chunk.copy(this.#head, this.#headFilled, at);
      at += copied;
      this.#headFilled += copied;
      if (this.#headFilled < HEAD) return;
      this.#headFilled = 0;
      this.#onFrame(this.#head.readUInt32LE(0), this.#head.readUInt32LE(4));
    }
  }

  #onFrame(kind: number, argument: number): void {
    switch (kind) {
      case BEGIN:
        this.#sink.begin(argument);
        break;
      case BYTES:
        this.#left = argument;
        break;
      case END:
        this.#sink.end();
        break;
      case ABORT:
        this.#sink.abort();
        break;
      default:
        throw new Error(`the state pipe has a frame of kind ${kind}`);
    }
  }
}
