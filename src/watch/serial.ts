export interface SerialOptions {
  /** How many keys run at the same time. */
  limit: number;
  /** Called whenever the last run ended. */
  onIdle?: () => void;
}

/**
 * Runs one task at a time for each key. A request that comes while the key's task runs makes it run once more:
 * the task may already have looked when the change behind the request happened.
 */
export class Serial {
  #run: (key: string) => Promise<void>;
  #limit: number;
  #onIdle: () => void;
  #running = new Set<string>();
  #waiting = new Set<string>();
  #idleWaiters: (() => void)[] = [];

  constructor(run: (key: string) => Promise<void>, { limit, onIdle = () => {} }: SerialOptions) {
    this.#run = run;
    this.#limit = limit;
    this.#onIdle = onIdle;
  }

  get isIdle(): boolean {
    return this.#running.size === 0 && this.#waiting.size === 0;
  }

  request(key: string): void {
    this.#waiting.add(key);
    if (!this.#running.has(key) && this.#running.size < this.#limit) void this.#start(key);
  }

  /** Resolves when nothing runs or waits. */
  async idle(): Promise<void> {
    if (!this.isIdle) await new Promise<void>((resolve) => this.#idleWaiters.push(resolve));
  }

  /** Forgets the requests that wait. */
  clear(): void {
    this.#waiting.clear();
  }

  async #start(key: string): Promise<void> {
    this.#waiting.delete(key);
    this.#running.add(key);
    try {
      await this.#run(key);
    } finally {
      this.#running.delete(key);
      this.#startWaiting();
      if (this.isIdle) {
        this.#onIdle();
        for (const resolve of this.#idleWaiters.splice(0)) resolve();
      }
    }
  }

  #startWaiting(): void {
    for (const key of this.#waiting) {
      if (this.#running.size >= this.#limit) return;
      if (!this.#running.has(key)) void this.#start(key);
    }
  }
}
