/**
 * A page of state. Buffers are freed only when the garbage collector gets round to it, and it doesn't hurry for bytes
 * outside of its heap: with every restart another copy of a large state would stay. So pages are used again.
 */
const PAGE = 256 * 1024;
/** So many free pages are kept in any case. */
const SPARE = 16;

const free: Buffer[] = [];

/** Kept are as many as the last state has had: after one that was larger they go. */
function giveBack(pages: Buffer[]): void {
  const kept = pages.length + SPARE;
  free.push(...pages.slice(0, kept));
  free.splice(kept);
}

/**
 * State as opaque bytes, in pages that go back when nobody holds it any more. Whoever makes one holds it; everybody
 * else who goes on using it after an await holds it meanwhile.
 */
export class StateBytes {
  length = 0;
  /** The pages, each as far as it is filled. */
  readonly parts: Buffer[] = [];
  #pages: Buffer[] = [];
  #room = 0;
  #holders = 1;

  /** Of bytes that stay as they are. */
  static of(bytes: Buffer): StateBytes {
    const state = new StateBytes();
    state.parts.push(bytes);
    state.length = bytes.length;
    return state;
  }

  /** Adds a copy. `onFull` is told every page that is full. */
  append(bytes: Buffer, onFull?: (page: Buffer) => void): void {
    for (let at = 0; at < bytes.length;) {
      if (this.#room === 0) {
        this.#pages.push(free.pop() ?? Buffer.allocUnsafeSlow(PAGE));
        this.parts.push(Buffer.alloc(0));
        this.#room = PAGE;
      }
      const page = this.#pages.at(-1) as Buffer;
      const from = PAGE - this.#room;
      const copied = bytes.copy(page, from, at);
      at += copied;
      this.#room -= copied;
      this.parts[this.parts.length - 1] = page.subarray(0, from + copied);
      if (this.#room === 0) onFull?.(page);
    }
    this.length += bytes.length;
  }

  /** What lies in the last page, unless that is full. */
  get rest(): Buffer | undefined {
    return this.#room > 0 ? this.parts.at(-1) : undefined;
  }

  hold(): this {
    if (this.#holders === 0) throw new Error('state was held after its last holder had released it');
    this.#holders++;
    return this;
  }

  release(): void {
    this.#holders--;
    if (this.#holders > 0) return;
    if (this.#holders < 0) throw new Error('state was released twice');
    giveBack(this.#pages);
    // Whoever uses it still finds nothing, rather than another state.
    this.#pages = [];
    this.parts.length = 0;
    this.length = 0;
  }

  equals(other: StateBytes): boolean {
    if (this.length !== other.length || this.parts.length !== other.parts.length) return false;
    return this.parts.every((part, index) => part.equals(other.parts[index] as Buffer));
  }

  /** A copy in one piece. */
  toBuffer(): Buffer {
    return Buffer.concat(this.parts, this.length);
  }
}
