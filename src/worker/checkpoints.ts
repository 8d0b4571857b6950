import { createHash } from 'node:crypto';

/** A checkpoint may take this part of the processor at most: a large state is saved more rarely. */
const DUTY = 0.05;

/** Sends the state from time to time while the app serves, so that a crash loses little. */
export class Checkpoints {
  readonly #capture: () => Buffer | undefined;
  readonly #send: (blob: Buffer) => void;
  #last = '';
  #timer: NodeJS.Timeout | undefined;

  constructor(capture: () => Buffer | undefined, send: (blob: Buffer) => void) {
    this.#capture = capture;
    this.#send = send;
  }

  /** The state that the primary has already. */
  setBaseline(blob: Buffer): void {
    this.#last = digest(blob);
  }

  /** Every `interval` milliseconds; 0: never. */
  start(interval: number): void {
    if (interval > 0) this.#schedule(interval, interval);
  }

  stop(): void {
    clearTimeout(this.#timer);
  }

  #schedule(interval: number, wait: number): void {
    this.#timer = setTimeout(() => {
      const began = performance.now();
      const blob = this.#capture();
      const bytes = blob && digest(blob);
      if (blob && bytes !== this.#last) {
        this.#last = String(bytes);
        this.#send(blob);
      }
      this.#schedule(interval, Math.max(interval, (performance.now() - began) / DUTY));
    }, wait).unref();
  }
}

function digest(blob: Buffer): string {
  return createHash('sha1').update(blob).digest('hex');
}
