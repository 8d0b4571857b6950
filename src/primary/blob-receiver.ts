import type { Socket } from 'node:net';
import { FrameReader, type BlobSink } from '../blob-frames.ts';
import { UNASKED } from '../blob-sending.ts';

const ENDED = 'the other process ended before its state had arrived';

/**
 * State blobs that arrive over a stream of their own, each under an id by which the IPC channel speaks of it: one that
 * nobody takes, since the handover it was for has been rolled back, is not taken for another.
 */
export class BlobReceiver<Sink extends BlobSink> {
  readonly #stream: Socket;
  readonly #open: (id: number) => Sink;
  readonly #arrived = new Map<number, Sink>();
  readonly #takers = new Map<number, { resolve: (sink: Sink) => void; reject: (error: Error) => void }>();
  #newestTaken = 0;
  #incoming: { id: number; sink: Sink } | undefined;
  #ended: Error | undefined;

  /** `open` makes a sink for each blob. */
  constructor(stream: Socket, open: (id: number) => Sink) {
    this.#stream = stream;
    this.#open = open;
    const frames = new FrameReader({
      begin: (id) => (this.#incoming = { id, sink: this.#open(id) }),
      write: (bytes) => this.#incoming?.sink.write(bytes),
      end: () => this.#onWhole(),
      abort: () => this.#onAborted(new Error('the state was not sent to its end')),
    });
    stream.on('data', (chunk: Buffer) => {
      try {
        frames.read(chunk);
      } catch (error) {
        this.#stream.destroy(error as Error);
      }
    });
    // The other process may end at any time: whoever waits for a blob learns it from the rejection.
    stream.on('error', (error) => this.#end(error));
    stream.on('close', () => this.#end(new Error(ENDED)));
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
