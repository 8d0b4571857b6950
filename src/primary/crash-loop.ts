const CRASHES = 3;
const WINDOW = 10_000;

/** Tells an app that crashes now and then from one that can't live: three crashes within 10 seconds. */
export class CrashLoop {
  #crashes: number[] = [];

  /** Notes a crash at `now` (milliseconds); true: wait for the next save instead of another try. */
  isLooping(now: number): boolean {
    this.#crashes = [...this.#crashes.filter((time) => now - time < WINDOW), now];
    return this.#crashes.length >= CRASHES;
  }

  /** The code has changed: it gets a fresh start. */
  reset(): void {
    this.#crashes = [];
  }
}
