import type { Socket } from 'node:net';
import { Sending, type BlobSending } from './blob-sending.ts';
import { ABORT, BEGIN, BYTES, END, HEAD } from './blob-frames.ts';

/** What becomes of a blob that arrives: it is told piece by piece. The bytes are to be used at once. */
export interface BlobSink {
  write(bytes: Buffer): void;
  end(): void;
  /** The rest will not come. */
  abort(): void;
}

/** The id of a blob that nobody takes: its sink knows what to do with it. */
export const UNASKED = 0;

const ENDED = 'the other process ended before its state had arrived';

/**
 * State blobs over a stream of their own, in pieces, each blob under an id by which the IPC channel speaks of it: one
 * that nobody takes, since the handover it was for has been rolled back, is not taken for another.
 */
export class BlobPipe<Sink extends BlobSink> {
  readonly #stream: Socket;
  readonly #fd: number | undefined;
  readonly #open: (id: number) => Sink;
  readonly #arrived = new Map<number, Sink>();
  readonly #takers = new Map<number, { resolve: (sink: Sink) => void; reject: (error: Error) => void }>();
  readonly #head = Buffer.alloc(HEAD);
  #headFilled = 0;
  #newestTaken = 0;
  #left = 0;
  #incoming: { id: number; sink: Sink } | undefined;
  #outgoing: Sending | undefined;
  #ended: Error | undefined;

  /** `open` makes a sink for each blob. `fd`: the stream's, when what is sent may be written to it directly. */
  constructor(stream: Socket, open: (id: number) => Sink, fd?: number) {
    this.#stream = stream;
    this.#open = open;
    this.#fd = fd;
    stream.on('data', (chunk: Buffer) => this.read(chunk));
    // The other process may end at any time: whoever waits for a blob learns it from the rejection.
    stream.on('error', (error) => this.#end(error));
    stream.on('close', () => this.#end(new Error(ENDED)));
  }

  /** Begins to send a blob. One that is still being sent is aborted. */
  send(id: number): BlobSending {
    void this.#outgoing?.abort();
    this.#outgoing = new Sending(this.#stream, id, this.#fd);
    return this.#outgoing;
  }

  /** The sink of a blob once it has ended. Those before it that nobody took are dropped. Rejects when it can't come. */
  take(id: number): Promise<Sink> {
    this.#newestTaken = Math.max(id, this.#newestTaken);
    for (const [older, sink] of this.#arrived) {
      if (older >= id) continue;
      this.#arrived.delete(older);
      sink.abort();
    }
    const sink = this.#arrived.get(id);
    this.#arrived.delete(id);
    if (sink) return Promise.resolve(sink);
    if (this.#ended) return Promise.reject(this.#ended);
    return new Promise((resolve, reject) => this.#takers.set(id, { resolve, reject }));
  }

  close(): void {
    this.#stream.destroy();
  }

  /** What the stream has read, should it have been told to put that elsewhere than into `data` events. */
  read(chunk: Buffer): void {
    let at = 0;
    while (at < chunk.length) {
      if (this.#left > 0) {
        const bytes = chunk.subarray(at, at + this.#left);
        at += bytes.length;
        this.#left -= bytes.length;
        this.#incoming?.sink.write(bytes);
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
        this.#incoming = { id: argument, sink: this.#open(argument) };
        break;
      case BYTES:
        this.#left = argument;
        break;
      case END:
        this.#onWhole();
        break;
      case ABORT:
        this.#onAborted(new Error('the state was not sent to its end'));
        break;
      default:
        // Not ours: after this nothing on the pipe has a meaning.
        this.#stream.destroy(new Error(`the state pipe has a frame of kind ${kind}`));
    }
  }

  #onWhole(): void {
    if (!this.#incoming) return;
    const { id, sink } = this.#incoming;
    this.#incoming = undefined;
    sink.end();
    const taker = this.#takers.get(id);
    this.#takers.delete(id);
    if (taker) taker.resolve(sink);
    else if (id === UNASKED) return;
    else if (id < this.#newestTaken) sink.abort();
    else this.#arrived.set(id, sink);
  }

  #onAborted(error: Error): void {
    if (!this.#incoming) return;
    const { id, sink } = this.#incoming;
    this.#incoming = undefined;
    sink.abort();
    this.#takers.get(id)?.reject(error);
    this.#takers.delete(id);
  }

  #end(error: Error): void {
    if (this.#ended) return;
    this.#ended = error;
    this.#onAborted(error);
    for (const { reject } of this.#takers.values()) reject(error);
    this.#takers.clear();
  }
}
