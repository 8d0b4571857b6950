/** How long connections that have moved wait for others at most, in milliseconds. */
const LONGEST = 1000;

/** The time in which connections arrive that can move in the midst of their protocol: none is read before all are here. */
export class Arrival {
  readonly #onEnd: () => void;
  #timer: NodeJS.Timeout | undefined;
  hasEnded = false;

  constructor(onEnd: () => void) {
    this.#onEnd = onEnd;
  }

  /** One has arrived, and waits for the others. */
  begin(): void {
    this.#timer ??= setTimeout(() => this.end(), LONGEST).unref();
  }

  end(): void {
    this.hasEnded = true;
    clearTimeout(this.#timer);
    this.#onEnd();
  }
}
