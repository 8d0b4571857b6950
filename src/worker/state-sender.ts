import type { Socket } from 'node:net';
import { BlobSender, UNASKED, type BlobSending } from '../blob-sending.ts';
import { BLOB_FD } from '../protocol.ts';
import { Checkpoints } from './keep/checkpoints.ts';
import type { Captured, KeepStore } from './keep/keep-store.ts';

/** What save() of the app has returned; undefined: there is no such step. */
type Saved = { value: unknown } | undefined;

/** Sends the state of this generation to the primary: when it is asked for, and as checkpoints while the app serves. */
export class StateSender {
  readonly #keeps: KeepStore;
  readonly #blobs: BlobSender;
  readonly #checkpoints: Checkpoints;

  /** `isServing`: whether there is something that a checkpoint would save. */
  constructor(pipe: Socket, keeps: KeepStore, isServing: () => boolean) {
    this.#keeps = keeps;
    // On Windows a pipe's descriptor can't be written to without waiting.
    this.#blobs = new BlobSender(pipe, process.platform === 'win32' ? undefined : BLOB_FD);
    this.#checkpoints = new Checkpoints(
      () => (isServing() ? this.collect() : undefined),
      (blob) => this.#sendCheckpoint(blob),
    );
  }

  /** Every `interval` milliseconds; 0: never. */
  startCheckpoints(interval: number): void {
    this.#checkpoints.start(interval);
  }

  stopCheckpoints(): void {
    this.#checkpoints.stop();
  }

  /** Sends the state under an id while it is made: the next generation decodes it while it is sent. */
  send(id: number, saved: Saved): Captured {
    let sending: BlobSending | undefined;
    try {
      const captured = this.#keeps.capture((bytes) => {
        sending ??= this.#blobs.send(id);
        sending.write(bytes);
      }, saved);
      void sending?.end();
      return captured;
    } catch (error) {
      void sending?.abort();
      throw error;
    }
  }

  /** The whole state, for use at any time; undefined when there is none. */
  collect(saved?: Saved): Uint8Array[] | undefined {
    const blob: Uint8Array[] = [];
    const { hasState } = this.#keeps.capture((bytes) => blob.push(Buffer.from(bytes)), saved);
    return hasState ? blob : undefined;
  }

  #sendCheckpoint(blob: Uint8Array[]): void {
    const sending = this.#blobs.send(UNASKED);
    for (const bytes of blob) sending.write(bytes, true);
    void sending.end();
  }
}
