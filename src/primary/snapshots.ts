import { HandoverError } from '../errors.ts';
import type { SnapshotFile } from '../state/snapshot-file.ts';
import type { SnapshotMeta } from '../state/snapshot-format.ts';
import type { StateBytes } from './state-bytes.ts';

/**
 * Writes state to the snapshot file behind the restarts: one write at a time, at most one an interval, the last
 * state wins.
 */
export class Snapshots {
  readonly #file: SnapshotFile;
  readonly #interval: number;
  readonly #onError: (error: HandoverError) => void;
  #next: { state: StateBytes; meta: SnapshotMeta } | undefined;
  #timer: NodeJS.Timeout | undefined;
  #writing: Promise<void> = Promise.resolve();
  #lastWrite = 0;
  #hasFailed = false;

  /** `interval`: the least time between two writes, in milliseconds. */
  constructor(file: SnapshotFile, interval: number, onError: (error: HandoverError) => void) {
    this.#file = file;
    this.#interval = interval;
    this.#onError = onError;
  }

  offer(state: StateBytes, meta: SnapshotMeta): void {
    this.#next?.state.release();
    this.#next = { state: state.hold(), meta };
    const wait = Math.max(0, this.#lastWrite + this.#interval - performance.now());
    this.#timer ??= setTimeout(() => void this.flush(), wait).unref();
  }

  /** Writes what was offered last, now. Resolves when it is in the file. */
  flush(): Promise<void> {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#writing = this.#writing.then(async () => {
      const next = this.#next;
      this.#next = undefined;
      if (!next) return;
      this.#lastWrite = performance.now();
      try {
        await this.#file.write(next.state.parts, next.meta);
        this.#hasFailed = false;
      } catch (error) {
        // Told once: the state is in memory, and the next attempt follows.
        if (!this.#hasFailed) this.#onError(error as HandoverError);
        this.#hasFailed = true;
      } finally {
        next.state.release();
      }
    });
    return this.#writing;
  }

  /** After a clean stop nothing is left behind. */
  async remove(): Promise<void> {
    this.#next?.state.release();
    this.#next = undefined;
    await this.flush();
    await this.#file.remove();
  }
}
