export class Visits {
  readonly #counts = new Map<string, number>();

  add(path: string): number {
    const count = (this.#counts.get(path) ?? 0) + 1;
    this.#counts.set(path, count);
    return count;
  }
}
