import type { StateKey } from '../../protocol.ts';
import { shortened } from '../../state/value-path.ts';

/** Of so many keys the sizes are told; an app that keeps something for each user has thousands. */
const MOST_KEYS = 20;

/** How much of a state each of its keys takes. */
export class StateSizes {
  readonly #keys: StateKey[] = [];

  /** What is counted from now on belongs to this key. */
  begin(key: string): void {
    this.#keys.push({ key, bytes: 0 });
  }

  count(bytes: number): void {
    const last = this.#keys.at(-1);
    if (last) last.bytes += bytes;
  }

  /** The largest first. Of a key that could not be carried there is nothing. */
  largest(): StateKey[] {
    return this.#keys
      .filter(({ bytes }) => bytes > 0)
      .sort((a, b) => b.bytes - a.bytes)
      .slice(0, MOST_KEYS)
      .map(({ key, bytes }) => ({ key: shortened(key), bytes }));
  }
}
