import { HandoverError } from '../errors.ts';

// oxlint-disable-next-line typescript/no-explicit-any -- any class, whatever its constructor takes
type AnyClass<T> = abstract new (...args: any[]) => T;

/** How instances of a class are carried over: what is saved, and how an instance is made from that. */
export interface ClassCodec<T> {
  encode: (instance: T) => unknown;
  decode: (data: unknown) => T;
  /** Tells the class in the state. Default: the class's own name. */
  name?: string;
}

export interface RegisteredClass {
  name: string;
  encode: (instance: object) => unknown;
  decode: (data: unknown) => unknown;
}

interface Registry {
  byClass: Map<unknown, RegisteredClass>;
  byName: Map<string, RegisteredClass>;
}

// Two copies of this package in one process (a global command line tool, the app's own) share it.
const REGISTRY = Symbol.for('handover.classes');

function registry(): Registry {
  const holder = globalThis as { [REGISTRY]?: Registry };
  return (holder[REGISTRY] ??= { byClass: new Map(), byName: new Map() });
}

/**
 * Lets instances of a class survive restarts. Without a codec the class needs `toJSON()` and a static `fromJSON()`.
 * A name that is registered again gets the new class.
 *
 * @throws HandoverError INVALID_OPTION when it is no class, has no name, or has no way to be carried
 */
export function registerClass<T extends object>(Class: AnyClass<T>, codec?: ClassCodec<T>): void {
  if (typeof Class !== 'function' || !Class.prototype) {
    throw new HandoverError('INVALID_OPTION', `registerClass(): expected a class, got ${String(Class)}`);
  }
  const name = codec?.name ?? Class.name;
  if (name === '') {
    throw new HandoverError(
      'INVALID_OPTION',
      'registerClass(): a class without a name needs one: { name, encode, decode }',
    );
  }
  const found = codec
    ? fromCodec(name, codec as unknown as ClassCodec<object>)
    : fromJson(name, Class.prototype as object, Class);
  if (!found) {
    throw new HandoverError(
      'INVALID_OPTION',
      `registerClass(${name}): expected toJSON() and a static fromJSON() in the class, or { encode, decode } beside it`,
    );
  }
  registry().byClass.set(Class, found);
  registry().byName.set(name, found);
}

/** How a class that is known by its name is carried. */
export function classNamed(name: string): RegisteredClass | undefined {
  return registry().byName.get(name);
}

/** How an instance is carried: as its class, or the nearest class above it, says; undefined: not at all. */
export function classOf(instance: object): RegisteredClass | undefined {
  for (let prototype = Object.getPrototypeOf(instance) as object | null; prototype;) {
    const Class = Object.hasOwn(prototype, 'constructor') ? prototype.constructor : undefined;
    const found = registry().byClass.get(Class) ?? (Class && fromJson(Class.name, prototype, Class));
    if (found) return found;
    prototype = Object.getPrototypeOf(prototype) as object | null;
  }
  return undefined;
}

function fromCodec(name: string, { encode, decode }: ClassCodec<object>): RegisteredClass | undefined {
  return typeof encode === 'function' && typeof decode === 'function' ? { name, encode, decode } : undefined;
}

function fromJson(name: string, prototype: object, Class: unknown): RegisteredClass | undefined {
  const { toJSON } = prototype as { toJSON?: unknown };
  const { fromJSON } = Class as { fromJSON?: unknown };
  if (name === '' || typeof toJSON !== 'function' || typeof fromJSON !== 'function') return undefined;
  return {
    name,
    encode: (instance) => (instance as { toJSON: () => unknown }).toJSON(),
    decode: (data) => (Class as { fromJSON: (data: unknown) => unknown }).fromJSON(data),
  };
}
