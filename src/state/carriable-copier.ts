import { messageOf } from '../errors.ts';
import { classOf } from './class-registry.ts';
import { bytesOf, DEEPEST, extraKeys, hasHoles, isLeaf } from './packable.ts';
import { OwnProperties, specialValueOf } from './special-values.ts';
import { kindOf, labelOf, pathOf, stepTo, type Place } from './value-path.ts';

/** A value that can't be carried over: where it lies and what it is. */
export interface CarryProblem {
  /** For example `sessions.get('a').socket`. */
  path: string;
  /** For example `Socket` or `function`. */
  kind: string;
}

/** An instance of a class, or a special value, in the form in which it travels. */
export class Tagged {
  readonly tag: 'class' | 'special';
  readonly name: string;
  readonly data: unknown;

  constructor(tag: 'class' | 'special', name: string, data: unknown) {
    this.tag = tag;
    this.name = name;
    this.data = data;
  }
}

/** Makes the form in which a value travels where it isn't the value itself. Identity and cycles are kept. */
export class Copier {
  readonly #problems: CarryProblem[];
  readonly #copies = new Map<object, unknown>();
  /** Instances whose data is being copied: one that contains itself can't be made anew. */
  readonly #open = new Set<object>();
  isTree = true;
  isPlain = true;
  size = 0;

  constructor(problems: CarryProblem[]) {
    this.#problems = problems;
  }

  copy(value: unknown, place: Place, depth: number): unknown {
    this.size += sizeOf(value);
    if (typeof value === 'function' || typeof value === 'symbol') return this.#refuse(place, typeof value);
    if (typeof value !== 'object' || value === null) return this.#copyPrimitive(value);
    if (this.#copies.has(value)) {
      this.isTree = false;
      return this.#copies.get(value);
    }
    if (this.#open.has(value)) return this.#refuse(place, `${kindOf(value)} that contains itself`);
    if (depth > DEEPEST) return this.#refuse(place, `nested more than ${DEEPEST} levels deep`);
    const copy = this.#copyObject(value, place, depth + 1);
    this.#copies.set(value, copy);
    return copy;
  }

  #copyPrimitive(value: unknown): unknown {
    const special = specialValueOf(value);
    return special ? new Tagged('special', special.name, special.encode(value as never)) : value;
  }

  #copyObject(value: object, place: Place, depth: number): unknown {
    const at = (step: string): Place => ({ above: place, step });
    switch (Object.getPrototypeOf(value)) {
      case Array.prototype: {
        const copy: unknown[] = [];
        this.#copies.set(value, copy);
        for (const [index, item] of (value as unknown[]).entries()) copy.push(this.copy(item, at(`[${index}]`), depth));
        if (hasHoles(value as unknown[])) this.#refuse(place, 'an array with holes, which become undefined');
        for (const key of extraKeys(value as unknown[])) this.#refuse(at(stepTo(key)), 'a property of an array');
        return copy;
      }
      case Map.prototype: {
        const copy = new Map<unknown, unknown>();
        this.#copies.set(value, copy);
        for (const [key, item] of value as Map<unknown, unknown>) {
          const step = `.get(${labelOf(key)})`;
          copy.set(this.copy(key, at(`.keys()${step.slice(4)}`), depth), this.copy(item, at(step), depth));
        }
        return copy;
      }
      case Set.prototype: {
        const copy = new Set<unknown>();
        this.#copies.set(value, copy);
        let index = 0;
        for (const item of value as Set<unknown>) copy.add(this.copy(item, at(`.values()[${index++}]`), depth));
        return copy;
      }
      default:
        return this.#copyOther(value, place, depth);
    }
  }

  #copyOther(value: object, place: Place, depth: number): unknown {
    const special = specialValueOf(value);
    if (special) return this.#tag(value, 'special', special.name, place, depth, () => special.encode(value as never));
    if (Object.getPrototypeOf(value) === Object.prototype) {
      const copy: Record<string, unknown> = {};
      this.#copies.set(value, copy);
      this.#refuseSymbols(value, place);
      return this.#copyProperties(value, Object.keys(value), copy, place, depth);
    }
    if (value instanceof OwnProperties) {
      this.#refuseSymbols(value.object, place);
      return this.#copyProperties(value.object, value.keys, new Map<string, unknown>(), place, depth);
    }
    if (isLeaf(value)) return value;
    const found = classOf(value);
    if (found) return this.#tag(value, 'class', found.name, place, depth, () => found.encode(value));
    return this.#refuse(place, kindOf(value));
  }

  #copyProperties(
    object: object,
    keys: readonly string[],
    copy: Record<string, unknown> | Map<string, unknown>,
    place: Place,
    depth: number,
  ): unknown {
    for (const key of keys) {
      const at: Place = { above: place, step: stepTo(key) };
      const item = this.copy(this.#read(object, key, at), at, depth);
      if (copy instanceof Map) copy.set(key, item);
      else copy[key] = item;
    }
    return copy;
  }

  /** Keys that would not be the same symbols in another process. */
  #refuseSymbols(object: object, place: Place): void {
    for (const key of Object.getOwnPropertySymbols(object)) {
      if (Object.prototype.propertyIsEnumerable.call(object, key)) {
        this.#refuse({ above: place, step: stepTo(key) }, 'a property with a symbol as its key');
      }
    }
  }

  #read(object: object, key: string, at: Place): unknown {
    try {
      return (object as Record<string, unknown>)[key];
    } catch (error) {
      return this.#refuse(at, `a getter that throws: ${messageOf(error)}`);
    }
  }

  #tag(value: object, tag: Tagged['tag'], name: string, place: Place, depth: number, encode: () => unknown): unknown {
    if (tag === 'class') this.isPlain = false;
    let data: unknown;
    try {
      data = encode();
    } catch (error) {
      return this.#refuse(place, `${name}, which could not be encoded: ${messageOf(error)}`);
    }
    this.#open.add(value);
    const copy = new Tagged(tag, name, this.copy(data, place, depth));
    this.#open.delete(value);
    return copy;
  }

  #refuse(place: Place, kind: string): undefined {
    this.#problems.push({ path: pathOf(place), kind });
  }
}

/** Bytes that a value takes besides what it holds, roughly. */
function sizeOf(value: unknown): number {
  if (typeof value === 'string') return value.length + 5;
  return 10 + (typeof value === 'object' && value !== null ? bytesOf(value) : 0);
}
