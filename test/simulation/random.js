/** Random numbers that a seed determines (mulberry32). */
export class Random {
  #state;

  constructor(seed) {
    this.#state = seed >>> 0;
  }

  /** From 0 to below 1. */
  next() {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let t = this.#state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  }

  chance(probability) {
    return this.next() < probability;
  }

  /** From `least` to below `most`. */
  between(least, most) {
    return least + this.next() * (most - least);
  }

  whole(least, most) {
    return Math.floor(this.between(least, most + 1));
  }

  of(list) {
    return list[Math.floor(this.next() * list.length)];
  }

  /** How long something takes that is mostly quick, in milliseconds. */
  delay() {
    const kind = this.next();
    if (kind < 0.3) return 0;
    if (kind < 0.9) return this.between(0, 3);
    return this.between(3, 60);
  }
}
