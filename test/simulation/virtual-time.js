// A clock of its own: whatever waits by setTimeout, setImmediate or performance.now() waits in it, and no longer than
// it takes to run what is due.

const real = { setTimeout, clearTimeout, setImmediate, now: performance.now };

/** Resolves when everything has happened that does not wait for time. */
const turn = () => new Promise((resolve) => real.setImmediate(resolve));

/** More events than any schedule has that ends. */
const MOST_EVENTS = 20_000;

export class VirtualTime {
  now = 0;
  #heap = [];
  #count = 0;
  /** Events for which alone the clock goes on. */
  #awaited = 0;

  /** Runs the task in this time. */
  async use(task) {
    globalThis.setTimeout = (callback, ms, ...args) =>
      new Timer(
        this,
        this.after(ms ?? 1, () => callback(...args)),
      );
    globalThis.clearTimeout = (timer) => timer?.clear?.();
    globalThis.setImmediate = (callback, ...args) =>
      new Timer(
        this,
        this.after(0, () => callback(...args)),
      );
    performance.now = () => this.now;
    try {
      return await task();
    } finally {
      Object.assign(globalThis, {
        setTimeout: real.setTimeout,
        clearTimeout: real.clearTimeout,
        setImmediate: real.setImmediate,
      });
      performance.now = real.now;
    }
  }

  /** Calls back after `ms` milliseconds. */
  after(ms, callback) {
    const event = { at: this.now + Math.max(0, ms), order: this.#count++, callback, isAwaited: true };
    this.#awaited++;
    this.#push(event);
    return event;
  }

  cancel(event) {
    this.unawait(event);
    event.callback = undefined;
  }

  unawait(event) {
    if (event.isAwaited && event.callback) this.#awaited--;
    event.isAwaited = false;
  }

  /** Lets time pass until nothing more is awaited. */
  async run() {
    await turn();
    for (let events = 0; this.#awaited > 0; events++) {
      if (events > MOST_EVENTS) throw new Error(`it has not come to rest after ${MOST_EVENTS} events`);
      const event = this.#pop();
      const { at, callback } = event;
      if (!callback) continue;
      this.cancel(event);
      this.now = Math.max(this.now, at);
      callback();
      await turn();
    }
  }

  #push(event) {
    const heap = this.#heap;
    let index = heap.push(event) - 1;
    while (index > 0) {
      const parent = (index - 1) >> 1;
      if (isBefore(heap[parent], heap[index])) break;
      [heap[parent], heap[index]] = [heap[index], heap[parent]];
      index = parent;
    }
  }

  #pop() {
    const heap = this.#heap;
    const first = heap[0];
    const last = heap.pop();
    if (heap.length === 0) return first;
    heap[0] = last;
    for (let index = 0; ;) {
      const [left, right] = [2 * index + 1, 2 * index + 2];
      const child = right < heap.length && isBefore(heap[right], heap[left]) ? right : left;
      if (child >= heap.length || isBefore(heap[index], heap[child])) return first;
      [heap[child], heap[index]] = [heap[index], heap[child]];
      index = child;
    }
  }
}

function isBefore(a, b) {
  return a.at < b.at || (a.at === b.at && a.order < b.order);
}

/** What setTimeout() returns. */
class Timer {
  #time;
  #event;

  constructor(time, event) {
    this.#time = time;
    this.#event = event;
  }

  clear() {
    this.#time.cancel(this.#event);
  }

  unref() {
    this.#time.unawait(this.#event);
    return this;
  }

  ref() {
    return this;
  }
}
