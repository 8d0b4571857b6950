import { types } from 'node:util';

// What msgpackr packs as it is, and what it would lose.

/** msgpackr goes down by calling itself: well below what the stack of a process bears at its default size. */
export const DEEPEST = 500;

/** What msgpackr carries and gives back as it was, and what holds nothing. Not their subclasses, nor newer ones. */
const LEAVES: ReadonlySet<object | null> = new Set(
  [
    ...[Date, RegExp, ArrayBuffer, DataView, Buffer, Uint8ClampedArray, Float32Array, Float64Array],
    ...[Int8Array, Int16Array, Int32Array, BigInt64Array, Uint8Array, Uint16Array, Uint32Array, BigUint64Array],
  ].map(({ prototype }): object => prototype),
);

/** Whether an object is carried by its content alone, which has no other values in it. */
export function isLeaf(object: object): boolean {
  if (!LEAVES.has(Object.getPrototypeOf(object) as object | null)) return false;
  return types.isDate(object) || types.isRegExp(object) || ArrayBuffer.isView(object) || types.isArrayBuffer(object);
}

/** Bytes of binary data that an object holds. */
export function bytesOf(object: object): number {
  return ArrayBuffer.isView(object) || types.isArrayBuffer(object) ? object.byteLength : 0;
}

export function hasHoles(array: unknown[]): boolean {
  for (let index = 0; index < array.length; index++) if (!(index in array)) return true;
  return false;
}

/** An array of more items has no properties of its own besides, it is assumed: to look for them takes longer than to pack it. */
const LONGEST_LOOKED_AT = 100;

/** Properties of an array that are no items. */
export function extraKeys(array: unknown[]): (string | symbol)[] {
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
