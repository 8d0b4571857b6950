/** How long a verified change waits for the checks that still run, in milliseconds. */
const LONGEST_HOLD = 20;

/**
 * Collects verified changes. A batch leaves as soon as no check runs, so a single save is not delayed; a few
 * hundred files that change at once leave together.
 */
export class ChangeBatch {
  #deliver: (files: string[], detectMs: number) => void;
  #files = new Set<string>();
  /** When the first event came that may turn out to be a change, as performance.now() tells. */
  #since: number | undefined;
  #immediate: NodeJS.Immediate | undefined;
  #timer: NodeJS.Timeout | undefined;

  constructor(deliver: (files: string[], detectMs: number) => void) {
    this.#deliver = deliver;
  }

  /** An event has come: what it is about will be checked. */
  expect(): void {
    this.#since ??= performance.now();
  }

  add(file: string): void {
    this.#files.add(file);
    this.#timer ??= setTimeout(() => this.#flush(), LONGEST_HOLD);
  }

  /** No check runs at the moment: what was collected leaves after the events that are already there. */
  settle(): void {
    if (this.#files.size === 0) this.#since = undefined;
    else this.#immediate ??= setImmediate(() => this.#flush());
  }

  close(): void {
    this.#files.clear();
    this.#clear();
  }

  #flush(): void {
    this.#clear();
    const files = [...this.#files];
    this.#files.clear();
    const now = performance.now();
    const since = this.#since ?? now;
    this.#since = undefined;
    if (files.length > 0) this.#deliver(files, now - since);
  }

  #clear(): void {
    clearTimeout(this.#timer);
    clearImmediate(this.#immediate);
    this.#timer = undefined;
    this.#immediate = undefined;
  }
}
