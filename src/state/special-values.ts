/**
 * A kind of values that msgpackr would not give back as they were. They travel as a pair: the name of the kind, and
 * plain data.
 */
export interface SpecialValue {
  name: string;
  is: (value: unknown) => boolean;
  encode: (value: never) => unknown;
  decode: (data: never) => unknown;
}

const ERRORS: Readonly<Record<string, ErrorConstructor>> = {
  Error,
  EvalError,
  RangeError,
  ReferenceError,
  SyntaxError,
  TypeError,
  URIError,
};

/** What an error has of its own and doesn't show when it is printed. */
const HIDDEN = new Set(['message', 'stack', 'cause', 'errors']);

interface ErrorData {
  type: string;
  own: Map<string, unknown>;
}

const SPECIAL_VALUES: readonly SpecialValue[] = [
  { name: '-0', is: (value) => Object.is(value, -0), encode: () => 0, decode: () => -0 },
  {
    name: 'URL',
    is: (value) => value instanceof URL,
    encode: (url: URL) => url.href,
    decode: (href: string) => new URL(href),
  },
  {
    name: 'Error',
    // A class of the app's own is for the app to register.
    is: (value) => value instanceof Error && errorTypeOf(value) !== undefined,
    encode: (error: Error): ErrorData => ({ type: String(errorTypeOf(error)), own: ownEntries(error) }),
    decode: ({ type, own }: ErrorData) =>
      define(type === 'AggregateError' ? new AggregateError([]) : new (ERRORS[type] ?? Error)(), own),
  },
  {
    name: 'null prototype',
    is: (value) => hasPrototype(value, null),
    encode: (object: object) => ownEntries(object),
    decode: (entries: Map<string, unknown>) => define(Object.create(null) as object, entries),
  },
  {
    name: '__proto__',
    // A property of its own with that name; msgpackr renames it, for safety.
    is: (value) => hasPrototype(value, Object.prototype) && Object.hasOwn(value as object, '__proto__'),
    encode: (object: object) => ownEntries(object),
    decode: (entries: Map<string, unknown>) => define({}, entries),
  },
];

export function specialValueOf(value: unknown): SpecialValue | undefined {
  return SPECIAL_VALUES.find(({ is }) => is(value));
}

export function specialValueNamed(name: string): SpecialValue | undefined {
  return SPECIAL_VALUES.find((special) => special.name === name);
}

function errorTypeOf(error: Error): string | undefined {
  const prototype = Object.getPrototypeOf(error) as object;
  if (prototype === AggregateError.prototype) return 'AggregateError';
  return Object.keys(ERRORS).find((name) => ERRORS[name]?.prototype === prototype);
}

function hasPrototype(value: unknown, prototype: object | null): boolean {
  return typeof value === 'object' && value !== null && Object.getPrototypeOf(value) === prototype;
}

function ownEntries(object: object): Map<string, unknown> {
  const keys = object instanceof Error ? Object.getOwnPropertyNames(object) : Object.keys(object);
  return new Map(keys.map((key) => [key, (object as Record<string, unknown>)[key]]));
}

/** Defined, not assigned: a key such as `__proto__` must not reach the prototype. */
function define<T extends object>(object: T, entries: Map<string, unknown>): T {
  for (const [key, value] of entries) {
    const enumerable = !(object instanceof Error && HIDDEN.has(key));
    Object.defineProperty(object, key, { value, enumerable, writable: true, configurable: true });
  }
  return object;
}
