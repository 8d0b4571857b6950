import { types } from 'node:util';
import { messageOf } from '../errors.ts';
import { classOf } from './class-registry.ts';
import { isWellFormed, OwnProperties, specialValueOf } from './special-values.ts';

/** Keys are shown in paths up to this length, and of longer ones so many characters. */
const LONGEST_KEY = 24;
const SHORT_KEY = 6;

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

/** msgpackr goes down by calling itself: well below what the stack of a process bears at its default size. */
const DEEPEST = 500;

/** How a value is reached from the one above it. */
interface Place {
  above: Place | undefined;
  /** A property, an index, `get(key)`, or the place in a Set. */
  step: string;
}

/** A value in the form in which it travels. */
export interface Carriable {
  value: unknown;
  /** No object in it is reached in two ways: no references have to be noted. */
  isTree: boolean;
  /** No instance of a class is in it. */
  isPlain: boolean;
  /** Bytes that it will take, roughly. */
  size: number;
}

/**
 * The form in which a value travels. Most states travel as they are: then nothing is copied, and this only looks.
 * What can't be carried is undefined in the copy and named in `problems`; when that is the root, there is no result.
 */
export function toCarriable(value: unknown, name: string, problems: CarryProblem[]): Carriable | undefined {
  const { isCarriable, isTree, size } = new Look(value);
  if (isCarriable) return { value, isTree, isPlain: true, size };
  const root: Place = { above: undefined, step: name };
  const copier = new Copier(problems);
  const copy = copier.copy(value, root, 0);
  const isRootLost = copy === undefined && value !== undefined;
  return isRootLost ? undefined : { value: copy, isTree: copier.isTree, isPlain: copier.isPlain, size: copier.size };
}

/** A look at a whole value: whether it can be carried as it is, and what packing it will take. */
class Look {
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

/** Bytes that a value takes besides what it holds, roughly. */
function sizeOf(value: unknown): number {
  if (typeof value === 'string') return value.length + 5;
  return 10 + (typeof value === 'object' && value !== null ? bytesOf(value) : 0);
}

function bytesOf(object: object): number {
  return ArrayBuffer.isView(object) || types.isArrayBuffer(object) ? object.byteLength : 0;
}

function hasHoles(array: unknown[]): boolean {
  for (let index = 0; index < array.length; index++) if (!(index in array)) return true;
  return false;
}

/** An array of more items has no properties of its own besides, it is assumed: to look for them takes longer than to pack it. */
const LONGEST_LOOKED_AT = 100;

/** Properties of an array that are no items. */
function extraKeys(array: unknown[]): (string | symbol)[] {
  if (array.length > LONGEST_LOOKED_AT) return [];
  const symbols = Object.getOwnPropertySymbols(array);
  const names = Object.keys(array);
  if (names.length <= array.length && symbols.length === 0 && names.at(-1) === lastIndexOf(array)) return [];
  return [...names.filter((name) => !/^\d+$/.test(name)), ...symbols];
}

/** The last of its keys when it has items only; undefined when it has holes only, or nothing at all. */
function lastIndexOf(array: unknown[]): string | undefined {
  for (let index = array.length - 1; index >= 0; index--) if (index in array) return String(index);
  return undefined;
}

function isPlainPrimitive(value: unknown): boolean {
  return typeof value !== 'function' && typeof value !== 'symbol' && !Object.is(value, -0);
}

/** What msgpackr carries and gives back as it was, and what holds nothing. Not their subclasses, nor newer ones. */
const LEAVES: ReadonlySet<object | null> = new Set(
  [
    ...[Date, RegExp, ArrayBuffer, DataView, Buffer, Uint8ClampedArray, Float32Array, Float64Array],
    ...[Int8Array, Int16Array, Int32Array, BigInt64Array, Uint8Array, Uint16Array, Uint32Array, BigUint64Array],
  ].map(({ prototype }): object => prototype),
);

function isLeaf(object: object): boolean {
  if (!LEAVES.has(Object.getPrototypeOf(object) as object | null)) return false;
  return types.isDate(object) || types.isRegExp(object) || ArrayBuffer.isView(object) || types.isArrayBuffer(object);
}

/** Makes the form in which a value travels where it isn't the value itself. Identity and cycles are kept. */
class Copier {
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
    let path = '';
    for (let at: Place | undefined = place; at; at = at.above) path = at.step + path;
    this.#problems.push({ path, kind });
  }
}

function kindOf(value: object): string {
  const { constructor } = value as { constructor?: { name?: string } };
  return constructor?.name || 'Object';
}

function labelOf(key: unknown): string {
  if (typeof key === 'string') return quote(shortened(key));
  return typeof key === 'object' && key !== null ? kindOf(key) : String(key);
}

function stepTo(key: string | symbol): string {
  if (typeof key === 'symbol') return `[${String(key)}]`;
  const name = shortened(key);
  return /^[\w$]+$/.test(name) ? `.${name}` : `[${quote(name)}]`;
}

/** A long key may be a secret, such as the token of a session. */
export function shortened(key: string): string {
  return key.length > LONGEST_KEY ? `${key.slice(0, SHORT_KEY)}…` : key;
}

function quote(text: string): string {
  return `'${text}'`;
}
