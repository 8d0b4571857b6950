import { writevSync } from 'node:fs';
import type { Socket } from 'node:net';
import { ABORT, BEGIN, BYTES, END, frame } from './blob-frames.ts';

/** The id of a blob that nobody takes: its sink knows what to do with it. */
export const UNASKED = 0;

/** A blob that is being sent. */
export interface BlobSending {
  /** `isLasting`: the bytes stay as they are until they are sent; others are used before it returns. */
  write(bytes: Uint8Array, isLasting?: boolean): void;
  /** Resolves when nothing of it is needed any more. */
  end(): Promise<void>;
  abort(): Promise<void>;
}

/** Larger pieces are sent as several frames: a length has 32 bits. */
const LARGEST_FRAME = 2 ** 30;

/** Pieces of so few bytes wait for the next one, with which they are written. */
const SMALL = 4096;
/** Pieces in one write; the kernel takes 1,024 at most. */
const MOST_PIECES = 64;

/** A write that the kernel refuses costs more than to pack a little ahead: it isn't tried again so soon, in milliseconds. */
const RETRY_AFTER = 0.5;
/** Bytes that wait in this process while another one reads what came before. */
const MOST_WAITING = 8 * 1024 * 1024;
/** Another process that has read nothing for so long isn't waited for, in milliseconds. */
const LONGEST_IDLE = 100;

/** Sends blobs over a stream, in pieces. */
export class BlobSender {
  readonly #stream: Socket;
  readonly #fd: number | undefined;
  #outgoing: Sending | undefined;

  /** `fd`: the stream's, when what is sent may be written to it directly. */
  constructor(stream: Socket, fd?: number) {
    this.#stream = stream;
    this.#fd = fd;
  }

  /** Begins to send a blob. One that is still being sent is aborted. */
  send(id: number): BlobSending {
    void this.#outgoing?.abort();
    this.#outgoing = new Sending(this.#stream, id, this.#fd);
    return this.#outgoing;
  }
}

/**
 * Sends one blob. With a descriptor it is written to as long as the kernel takes more: then the other process has the
 * first bytes while this one, without a pause, makes the next.
 */
class Sending implements BlobSending {
  readonly #stream: Socket;
  readonly #fd: number | undefined;
  #waiting: Uint8Array[] = [];
  /** When the kernel last took nothing, as performance.now() tells. */
  #refusedAt = -Infinity;
  /** Milliseconds for which it has waited in vain. */
  #idle = 0;
  #isOver: Promise<void> | undefined;

  constructor(stream: Socket, id: number, fd: number | undefined) {
    this.#stream = stream;
    this.#fd = fd;
    this.#waiting.push(frame(BEGIN, id));
  }

  write(bytes: Uint8Array, isLasting = false): void {
    if (this.#isOver) return;
    for (let at = 0; at < bytes.length; at += LARGEST_FRAME) {
      const piece = bytes.subarray(at, at + LARGEST_FRAME);
      this.#waiting.push(frame(BYTES, piece.length), piece);
    }
    if (bytes.length >= SMALL && performance.now() - this.#refusedAt >= RETRY_AFTER) this.#writeNow();
    if (!isLasting) this.#keepWaiting(bytes);
    if (this.#fd !== undefined) this.#letOthersRead();
    // With a descriptor the rest is tried again with the next piece, before the event loop has a turn.
    if (this.#fd === undefined) void this.#flush();
  }

  end(): Promise<void> {
    return (this.#isOver ??= this.#finish(END));
  }

  abort(): Promise<void> {
    return (this.#isOver ??= this.#finish(ABORT));
  }

  #finish(kind: number): Promise<void> {
    this.#waiting.push(frame(kind, 0));
    this.#writeNow();
    return this.#flush();
  }

  /** Copies what of the bytes could not be written yet: the last of what waits. */
  #keepWaiting({ buffer }: Uint8Array): void {
    for (let at = this.#waiting.length - 1; this.#waiting[at]?.buffer === buffer; at -= 2) {
      this.#waiting[at] = Uint8Array.prototype.slice.call(this.#waiting[at]);
    }
  }

  /** So that not all of it waits here: until most is written, unless nobody reads. */
  #letOthersRead(): void {
    // What the stream still has to write goes first, and needs a turn of the event loop.
    if (this.#stream.writableLength > 0) return;
    let left = this.#waitingLength;
    while (left > MOST_WAITING && this.#idle < LONGEST_IDLE) {
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1);
      this.#writeNow();
      this.#idle = this.#waitingLength < left ? 0 : this.#idle + 1;
      left = this.#waitingLength;
    }
  }

  get #waitingLength(): number {
    // It is asked after every piece: few can't be many bytes.
    if (this.#waiting.length < MOST_PIECES) return 0;
    return this.#waiting.reduce((sum, piece) => sum + piece.length, 0);
  }

  /** As much of what waits as the kernel takes. */
  #writeNow(): void {
    if (this.#fd === undefined || this.#stream.destroyed || this.#stream.writableLength > 0) return;
    try {
      while (this.#waiting.length > 0) {
        const pieces = this.#waiting.slice(0, MOST_PIECES);
        const length = pieces.reduce((sum, piece) => sum + piece.length, 0);
        const written = writevSync(this.#fd, pieces);
        this.#drop(written);
        if (written < length) return;
      }
    } catch {
      // EAGAIN: it takes no more now. Of any other error the stream will tell.
      this.#refusedAt = performance.now();
    }
  }

  #drop(written: number): void {
    let left = written;
    let count = 0;
    for (const piece of this.#waiting) {
      if (left < piece.length) break;
      left -= piece.length;
      count++;
    }
    this.#waiting.splice(0, count);
    const first = this.#waiting[0];
    if (first && left > 0) this.#waiting[0] = first.subarray(left);
  }

  /** Leaves what waits to the stream. Resolves when that is written, or never will be. */
  #flush(): Promise<void> {
    const waiting = this.#waiting;
    this.#waiting = [];
    if (this.#stream.destroyed || !this.#stream.writable) return Promise.resolve();
    return new Promise((resolve) => {
      const last = waiting.pop();
      if (!last) {
        resolve();
        return;
      }
      this.#stream.cork();
      for (const bytes of waiting) this.#stream.write(bytes);
      this.#stream.write(last, () => resolve());
      this.#stream.uncork();
    });
  }
}
