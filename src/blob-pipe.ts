import type { Socket } from 'node:net';

/** Bytes of the length that precedes each blob. */
const HEADER = 8;

/**
 * State blobs over a stream of their own, each behind its length. The IPC channel announces every blob, in
 * the same order, so that the receiver knows how many to take.
 */
export class BlobPipe {
  readonly #stream: Socket;
  readonly #arrived: Buffer[] = [];
  readonly #takers: { resolve: (blob: Buffer) => void; reject: (error: Error) => void }[] = [];
  readonly #header = Buffer.alloc(HEADER);
  #headerFilled = 0;
  #blob: Buffer | undefined;
  #filled = 0;
  #ended: Error | undefined;

  constructor(stream: Socket) {
    this.#stream = stream;
    stream.on('data', (chunk: Buffer) => this.#read(chunk));
    // The other process may end at any time: whoever waits for a blob learns it from the rejection.
    stream.on('error', (error) => this.#end(error));
    stream.on('close', () => this.#end(new Error('the other process ended before its state had arrived')));
  }

  /** Sends a blob, which may be in several parts. */
  send(parts: readonly Uint8Array[]): void {
    if (this.#ended || !this.#stream.writable) return;
    const header = Buffer.alloc(HEADER);
    header.writeBigUInt64LE(BigInt(parts.reduce((sum, part) => sum + part.byteLength, 0)));
    this.#stream.cork();
    for (const part of [header, ...parts]) this.#stream.write(part);
    this.#stream.uncork();
  }

  /** The next blob in order. Rejects when the other process ends first. */
  take(): Promise<Buffer> {
    const blob = this.#arrived.shift();
    if (blob) return Promise.resolve(blob);
    if (this.#ended) return Promise.reject(this.#ended);
    return new Promise((resolve, reject) => this.#takers.push({ resolve, reject }));
  }

  close(): void {
    this.#stream.destroy();
  }

  #read(chunk: Buffer): void {
    let offset = 0;
    while (offset < chunk.length) {
      if (!this.#blob) {
        const copied = chunk.copy(this.#header, this.#headerFilled, offset);
        offset += copied;
        this.#headerFilled += copied;
        if (this.#headerFilled < HEADER) return;
        this.#headerFilled = 0;
        this.#filled = 0;
        this.#blob = Buffer.allocUnsafeSlow(Number(this.#header.readBigUInt64LE()));
      }
      const copied = chunk.copy(this.#blob, this.#filled, offset);
      offset += copied;
      this.#filled += copied;
      if (this.#filled < this.#blob.length) return;
      const blob = this.#blob;
      this.#blob = undefined;
      const taker = this.#takers.shift();
      if (taker) taker.resolve(blob);
      else this.#arrived.push(blob);
    }
  }

  #end(error: Error): void {
    this.#ended ??= error;
    for (const taker of this.#takers.splice(0)) taker.reject(error);
  }
}
