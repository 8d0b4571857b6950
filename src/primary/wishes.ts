import { Settle } from '../watch/settle.ts';

/** What is to be restarted, and since when. */
export interface Wish {
  /** Changed files, or a word such as `crash`. */
  reason: Set<string>;
  /** When the system told of it, as performance.now() tells. */
  began: number;
  /** How long it then took to be sure of it, in milliseconds. */
  detectMs: number;
  /** When the stream of changes that it came in may have ended. */
  notBefore: number;
  /** With a worker that has evaluated nothing ahead. */
  isCold: boolean;
  /** A worker was killed on its way to it: when that happens again it is the app that failed. */
  wasKilled: boolean;
}

/** The restart that is wished for. What is wished before it begins becomes part of it, so that nothing is missed. */
export class Wishes {
  readonly #settle = new Settle();
  readonly #restartDelay: number;
  #wish: Wish | undefined;

  /** `restartDelay`: how long each wish waits at least, in milliseconds. */
  constructor(restartDelay: number) {
    this.#restartDelay = restartDelay;
  }

  get isEmpty(): boolean {
    return this.#wish === undefined;
  }

  /** Milliseconds until it may begin. */
  get wait(): number {
    return (this.#wish?.notBefore ?? 0) - performance.now();
  }

  /** Whether more is likely to be wished for soon. */
  get isStream(): boolean {
    return this.#settle.isStream;
  }

  /** `detectMs`: how long ago the system told of it. */
  add(reason: readonly string[], detectMs: number): void {
    const now = performance.now();
    const notBefore = now + Math.max(this.#restartDelay, this.#settle.next(reason, now));
    if (this.#wish) {
      for (const one of reason) this.#wish.reason.add(one);
      this.#wish.notBefore = notBefore;
    } else {
      this.#wish = {
        reason: new Set(reason),
        began: now - detectMs,
        detectMs,
        notBefore,
        isCold: false,
        wasKilled: false,
      };
    }
  }

  take(): Wish | undefined {
    const wish = this.#wish;
    this.#wish = undefined;
    return wish;
  }

  /** A restart was superseded: what it was for is part of the next one's reason. */
  giveBack({ reason }: Wish): void {
    if (this.#wish) this.#wish.reason = new Set([...reason, ...this.#wish.reason]);
  }

  /** A restart is to be made once more, at once or after a time in milliseconds. */
  retry(wish: Wish, change: Partial<Pick<Wish, 'isCold' | 'wasKilled'>>, wait = 0): void {
    const newer = this.#wish?.reason ?? [];
    const notBefore = performance.now() + wait;
    this.#wish = { ...wish, reason: new Set([...wish.reason, ...newer]), notBefore, ...change };
  }
}
