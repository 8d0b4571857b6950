/** A change that arrives within this time after the previous one belongs to the same stream. */
const STREAM_GAP = 250;
/** After this time without a change the next one counts as the first again. */
const QUIET = 1000;
const FIRST_WAIT = 20;
const LONGEST_WAIT = 300;
/** A person who saves again and again has few files open for it. */
const FEW_FILES = 2;

export interface SettleOptions {
  /** Milliseconds of a clock that never goes back; default `performance.now`. */
  clock?: () => number;
}

/**
 * How long to wait before acting on a change: not at all for the first one, longer and longer while changes of other
 * files keep coming (a branch switch, a formatter, a compiler), so that a stream ends in few restarts.
 */
export class Settle {
  #clock: () => number;
  #last = -Infinity;
  #wait = 0;
  readonly #files = new Set<string>();
  #isStream = false;

  constructor({ clock = () => performance.now() }: SettleOptions = {}) {
    this.#clock = clock;
  }

  /** Whether the last change came right after another one. */
  get isStream(): boolean {
    return this.#isStream;
  }

  /** Milliseconds to wait before acting on the change of files that arrived at `now`: 0, then 20, 40, 80 … at most 300. */
  next(files: readonly string[], now: number = this.#clock()): number {
    const gap = now - this.#last;
    this.#last = now;
    this.#isStream = gap < STREAM_GAP;
    if (gap >= QUIET) {
      this.#wait = 0;
      this.#files.clear();
    }
    for (const file of files) this.#files.add(file);
    if (this.#isStream && this.#files.size > FEW_FILES)
      this.#wait = Math.min(Math.max(this.#wait * 2, FIRST_WAIT), LONGEST_WAIT);
    // In between (a person who saves twice a second) the window neither widens nor closes.
    return this.#wait;
  }
}
