import { bytesOf, DEEPEST, extraKeys, hasHoles, isLeaf } from './packable.ts';
import { isWellFormed } from './special-values.ts';

/** A look at a whole value: whether it can be carried as it is, and what packing it will take. */
export class Look {
  isCarriable = true;
  isTree = true;
  /** Bytes that it will take, roughly, and rather more than less. */
  size = 0;
  #below: unknown[] = [];

  /** Level by level, not by calls that call themselves, so that depth costs no stack. */
  constructor(root: unknown) {
    const seen = new Set<object>();
    this.#add(root);
    for (let depth = 0; this.#below.length > 0 && this.isCarriable; depth++) {
      const level = this.#below;
      this.#below = [];
      for (const value of level) {
        if (typeof value !== 'object' || value === null) this.isCarriable &&= isPlainPrimitive(value);
        else if (seen.has(value)) this.isTree = false;
        else {
          seen.add(value);
          // Not &&=: what it adds may have made it false.
          if (depth >= DEEPEST || !this.#addItems(value)) this.isCarriable = false;
        }
      }
    }
  }

  /** Adds what a container holds; false when the object itself needs another form. */
  #addItems(object: object): boolean {
    switch (Object.getPrototypeOf(object)) {
      case Array.prototype:
        return this.#addArray(object as unknown[]);
      case Map.prototype:
        for (const [key, item] of object as Map<unknown, unknown>) {
          this.#add(key);
          this.#add(item);
        }
        return true;
      case Set.prototype:
        for (const item of object as Set<unknown>) this.#add(item);
        return true;
      case Object.prototype:
        return this.#addProperties(object as Record<string, unknown>);
      default:
        this.size += bytesOf(object);
        return isLeaf(object);
    }
  }

  #addArray(array: unknown[]): boolean {
    let hasUndefined = false;
    for (const item of array) {
      hasUndefined ||= item === undefined;
      this.#add(item);
    }
    return !(hasUndefined && hasHoles(array)) && extraKeys(array).length === 0;
  }

  #addProperties(object: Record<string, unknown>): boolean {
    // Quicker than hasMisleadingNames(): its own constructor is another, and its own __proto__ is met below.
    if (object.constructor !== Object || Object.getOwnPropertySymbols(object).length > 0) return false;
    try {
      for (const key in object) {
        if (key === '__proto__') return false;
        this.#add(object[key]);
      }
    } catch {
      return false; // a getter that throws
    }
    return true;
  }

  /** Strings and numbers, most of what there is, need no look of their own. */
  #add(item: unknown): void {
    this.size += typeof item === 'string' ? item.length + 5 : 10;
    if (typeof item === 'string') this.isCarriable &&= isWellFormed(item);
    else if (typeof item !== 'number' || item === 0) this.#below.push(item);
  }
}

function isPlainPrimitive(value: unknown): boolean {
  return typeof value !== 'function' && typeof value !== 'symbol' && !Object.is(value, -0);
}
