import { HandoverError, messageOf } from '../errors.ts';
import type { BlobPart } from './blob.ts';
import { Tagged, type CarryProblem } from './carriable-copier.ts';
import { toCarriable, type Carriable } from './carriable.ts';
import { classNamed, classOf, type RegisteredClass } from './class-registry.ts';
import { addExtension, Packr } from './msgpackr.ts';
import { PartReader, PartWriter, type EmitPart } from './parts.ts';
import { specialValueNamed } from './special-values.ts';

export type { CarryProblem } from './carriable-copier.ts';

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

/** With `structuredClone` msgpackr notes every object, to find those that are reached in two ways: 2.5 times the time. */
const packrFor = (isTree: boolean): Packr =>
  new Packr({ moreTypes: true, useBigIntExtension: true, structuredClone: !isTree, copyBuffers: true });
const treePackr = packrFor(true);
const graphPackr = packrFor(false);

/** Room for a part. */
const BUFFER = 256 * 1024;
/** Of msgpackr's own buffer, when it begins. */
const FIRST_BUFFER = 8192;

/** A value that is ready to be serialized. */
export interface Encoding {
  /** No instances of classes are in it: it can be decoded without the app. */
  isPlain: boolean;
  /** What can't be carried, by its path; it becomes undefined, and everything else survives. */
  problems: CarryProblem[];
  /**
   * Emits the parts. False when it could not be packed after all, which is then among the problems. undefined: the value
   * as a whole can't be carried.
   */
  write: ((emit: EmitPart) => boolean) | undefined;
}

/** Looks for what of a value can't be carried; paths begin with `name`. */
export function encodeValue(value: unknown, name: string): Encoding {
  const problems: CarryProblem[] = [];
  const attempt = <T>(step: () => T): T | undefined => {
    try {
      return step();
    } catch (error) {
      problems.push({ path: name, kind: `a value that could not be packed: ${messageOf(error)}` });
      return undefined;
    }
  };
  const carriable = attempt(() => toCarriable(value, name, problems));
  if (!carriable) return { isPlain: false, problems, write: undefined };
  return {
    isPlain: carriable.isPlain,
    problems,
    write: (emit) => attempt(() => pack(carriable, emit)) === true,
  };
}

function pack({ value, isTree, size }: Carriable, emit: EmitPart): true {
  const packr = isTree ? treePackr : graphPackr;
  // A graph is packed in one go: a buffer that had to grow would be copied again and again.
  const room = Math.max(size, FIRST_BUFFER);
  const buffer = Buffer.allocUnsafeSlow(isTree ? Math.min(room, BUFFER) : room);
  const packPart = (part: unknown): Uint8Array => {
    packr.useBuffer(buffer);
    return packr.pack(part);
  };
  try {
    new PartWriter(packPart, emit).write(value, { isTree, size });
    return true;
  } finally {
    // msgpackr holds on to its last buffer.
    packr.useBuffer(Buffer.allocUnsafeSlow(FIRST_BUFFER));
  }
}

/** Decodes a value as its parts arrive. For a plain one; others need what the app says of their classes. */
export class ValueDecoder {
  readonly #reader = new PartReader((bytes) => graphPackr.unpack(bytes));

  /** Throws HandoverError STATE_REJECTED when it is no part of a value. */
  read({ kind, bytes }: BlobPart): void {
    try {
      this.#reader.read(kind, bytes);
    } catch (error) {
      if (error instanceof HandoverError) throw error;
      throw new HandoverError('STATE_REJECTED', `the state could not be read: ${messageOf(error)}`, { cause: error });
    }
  }

  get value(): unknown {
    return this.#reader.value;
  }
}

/** Makes a value from its parts. Throws HandoverError STATE_REJECTED when they are none, or name an unknown class. */
export function decodeValue(parts: readonly BlobPart[], { template }: DecodeOptions = {}): unknown {
  const outer = findClass; // a fromJSON() that calls keep() decodes while it is decoded
  findClass = (name) => classNamed(name) ?? (template && classInside(template(), name));
  try {
    const decoder = new ValueDecoder();
    for (const part of parts) decoder.read(part);
    return decoder.value;
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
