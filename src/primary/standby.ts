import type { WorkerHandle } from './worker-handle.ts';

/**
 * Workers that are started before they are needed: Node and the app's loader have booted, the app's own code has
 * not been looked at. A worker that is still booting when it is taken goes on as if it had been a standby already.
 */
export class Standby {
  readonly #fork: () => WorkerHandle;
  readonly #size: number;
  #workers: WorkerHandle[] = [];

  constructor(fork: () => WorkerHandle, size: number) {
    this.#fork = fork;
    this.#size = size;
  }

  /** The worker for the next generation. */
  take(): WorkerHandle {
    return this.#workers.shift() ?? this.#fork();
  }

  /** Starts what is missing. */
  fill(): void {
    while (this.#workers.length < this.#size) {
      const worker = this.#fork();
      this.#workers.push(worker);
      worker.once('ended', () => (this.#workers = this.#workers.filter((other) => other !== worker)));
    }
  }

  /** Ends those that have loaded one of these files: they would run it as it was. */
  refresh(changed: readonly string[]): void {
    for (const worker of this.#workers) {
      if (changed.some((file) => worker.loaded.files.has(file))) this.#discard(worker);
    }
  }

  stop(): void {
    for (const worker of this.#workers) this.#discard(worker);
  }

  #discard(worker: WorkerHandle): void {
    this.#workers = this.#workers.filter((other) => other !== worker);
    worker.discard();
  }
}
