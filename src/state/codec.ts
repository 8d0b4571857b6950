import { addExtension, Packr } from 'msgpackr';
import { HandoverError, messageOf } from '../errors.ts';
import { Tagged, toCarriable, type Carriable, type CarryProblem } from './carriable.ts';
import { classNamed, classOf, type RegisteredClass } from './class-registry.ts';
import { specialValueNamed } from './special-values.ts';

export type { CarryProblem } from './carriable.ts';

export interface DecodeOptions {
  /** Makes a fresh value, in which a class that was never registered may be found. */
  template?: () => unknown;
}

/** The number under which msgpackr keeps our pairs apart from its own types. */
const TAGGED = 1;

// While decoding: where a class that is not registered may be found. Decoding never awaits, so one is enough.
let findClass: (name: string) => RegisteredClass | undefined = classNamed;

addExtension({
  Class: Tagged as unknown as new () => Tagged,
  type: TAGGED,
  write: ({ tag, name, data }: Tagged) => [tag, name, data],
  read: ([tag, name, data]: [Tagged['tag'], string, unknown]) => untag(tag, name, data),
});

/** Above this many bytes a buffer of the right size is made first: growing it would copy it again and again. */
const LARGE = 1_000_000;

/** With `structuredClone` msgpackr notes every object, to find those that are reached in two ways: 2.5 times the time. */
const packrFor = (isTree: boolean): Packr =>
  new Packr({ moreTypes: true, useBigIntExtension: true, structuredClone: !isTree });
const treePackr = packrFor(true);
const graphPackr = packrFor(false);

/**
 * Serializes a value. What can't be carried is named in `problems`, by its path from `name`, and becomes undefined;
 * everything else survives. `bytes` is undefined when the value as a whole can't be carried.
 */
export function encodeValue(value: unknown, name: string): { bytes: Uint8Array | undefined; problems: CarryProblem[] } {
  const problems: CarryProblem[] = [];
  try {
    const carriable = toCarriable(value, name, problems);
    return { bytes: carriable && pack(carriable), problems };
  } catch (error) {
    problems.push({ path: name, kind: `a value that could not be packed: ${messageOf(error)}` });
    return { bytes: undefined, problems };
  }
}

function pack({ value, isTree, size }: Carriable): Uint8Array {
  if (size < LARGE) return (isTree ? treePackr : graphPackr).pack(value);
  // A packr of its own, which doesn't hold on to the buffer.
  const packr = packrFor(isTree);
  packr.useBuffer(Buffer.allocUnsafeSlow(size));
  return packr.pack(value);
}

/** Makes a value from its bytes. Throws HandoverError STATE_REJECTED when they are none, or name an unknown class. */
export function decodeValue(bytes: Uint8Array, { template }: DecodeOptions = {}): unknown {
  const outer = findClass; // a fromJSON() that calls keep() decodes while it is decoded
  findClass = (name) => classNamed(name) ?? (template && classInside(template(), name));
  try {
    return graphPackr.unpack(bytes);
  } catch (error) {
    if (error instanceof HandoverError) throw error;
    throw new HandoverError('STATE_REJECTED', `the state could not be read: ${messageOf(error)}`, { cause: error });
  } finally {
    findClass = outer;
  }
}

function untag(tag: Tagged['tag'], name: string, data: unknown): unknown {
  const found = tag === 'class' ? findClass(name) : specialValueNamed(name);
  if (!found) {
    throw new HandoverError(
      'STATE_REJECTED',
      `the state has an instance of ${name}, a class that this code has not named; call registerClass(${name}) before keep()`,
    );
  }
  return found.decode(data as never);
}

/** A class by its name, among those of the objects in a value. */
function classInside(value: unknown, name: string, seen = new Set<unknown>()): RegisteredClass | undefined {
  if (typeof value !== 'object' || value === null || seen.has(value)) return undefined;
  seen.add(value);
  const own = classOf(value);
  if (own?.name === name) return own;
  const items =
    value instanceof Map
      ? [...value.keys(), ...value.values()]
      : value instanceof Set
        ? [...value]
        : Object.values(value);
  for (const item of items) {
    const found = classInside(item, name, seen);
    if (found) return found;
  }
  return undefined;
}
