import { createHash } from 'node:crypto';

/** A checkpoint may take this part of the processor at most: a large state is saved more rarely. */
const DUTY = 0.05;

/** Sends the state from time to time while the app serves, so that a crash loses little. */
export class Checkpoints {
  readonly #capture: () => Uint8Array[] | undefined;
  readonly #send: (blob: Uint8Array[]) => void;
  #last = '';
  #timer: NodeJS.Timeout | undefined;

  constructor(capture: () => Uint8Array[] | undefined, send: (blob: Uint8Array[]) => void) {
    this.#capture = capture;
    this.#send = send;
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

function digest(blob: Uint8Array[]): string {
  const hash = createHash('sha1');
  for (const part of blob) hash.update(part);
  return hash.digest('hex');
}
