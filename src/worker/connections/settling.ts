import { performance } from 'node:perf_hooks';

/** Something that is waited for. */
export interface Pending {
  /** As a person would name it. */
  name: string;
  /** When it began, as performance.now() tells. */
  since: number;
}

/** Waits until nothing is pending any more, or what is has taken too long. */
export class Settling {
  readonly #pending: () => Iterable<Pending>;
  readonly #look: () => void;
  /** What has taken longer than this is not waited for, in milliseconds. */
  #longest: number = Infinity;
  #settled: (() => void) | undefined;
  #recheck: NodeJS.Timeout | undefined;

  /** `look` looks at everything anew, and then calls looked(). */
  constructor(pending: () => Iterable<Pending>, look: () => void) {
    this.#pending = pending;
    this.#look = look;
  }

  /** At most `timeout` ms from now on; of each thing that is pending at most `longest` ms from when it began. Returns what is left. */
  async wait(timeout: number, longest: number = Infinity): Promise<string[]> {
    this.#longest = longest;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(() => this.#settled?.(), timeout);
      this.#settled = () => {
        clearTimeout(timer);
        clearTimeout(this.#recheck);
        this.#recheck = this.#settled = undefined;
        resolve();
      };
      this.#look();
    });
    return Array.from(this.#pending(), ({ name }) => name);
  }

  /** It is not waited any longer. */
  end(): void {
    this.#settled?.();
  }

  /** All have been looked at. */
  looked(): void {
    const left = this.#left();
    if (left <= 0) this.end();
    else if (left < Infinity && !this.#recheck) {
      this.#recheck = setTimeout(() => {
        this.#recheck = undefined;
        this.#look();
      }, left);
    }
  }

  /** How long there may be something to wait for, in milliseconds. */
  #left(): number {
    let last = -Infinity;
    for (const { since } of this.#pending()) last = Math.max(last, since);
    return last === -Infinity ? 0 : last + this.#longest - performance.now();
  }
}
