/**
 * A kind of values that msgpackr would not give back as they were. They travel as a pair: the name of the kind, and
 * plain data.
 */
export interface SpecialValue {
  name: string;
  is: (value: unknown) => boolean;
  /** The plain data; an OwnProperties when that is what the value has. */
  encode: (value: never) => unknown;
  decode: (data: never) => unknown;
}

/** Which properties of an object are to be carried, whatever their names. They arrive as a Map. */
export class OwnProperties {
  readonly object: object;
  readonly keys: readonly string[];

  constructor(object: object, keys: readonly string[]) {
    this.object = object;
    this.keys = keys;
  }
}

const ERRORS = [Error, EvalError, RangeError, ReferenceError, SyntaxError, TypeError, URIError] as const;

/** What an error has of its own and doesn't show when it is printed. */
const HIDDEN = new Set(['message', 'stack', 'cause', 'errors']);

const SPECIAL_VALUES: readonly SpecialValue[] = [
  { name: '-0', is: (value) => Object.is(value, -0), encode: () => 0, decode: () => -0 },
  {
    name: 'string',
    // Cut inside a character: UTF-8 has no bytes for half of one.
    is: (value) => typeof value === 'string' && !isWellFormed(value),
    encode: (text: string) => Buffer.from(text, 'utf16le'),
    decode: (bytes: Buffer) => bytes.toString('utf16le'),
  },
  {
    name: 'URL',
    is: (value) => value instanceof URL,
    encode: (url: URL) => url.href,
    decode: (href: string) => new URL(href),
  },
  // Only those of the language: a class of the app's own is for the app to register.
  ...ERRORS.map((Class) => errorsOf(Class, () => new Class())),
  errorsOf(AggregateError, () => new AggregateError([])),
  {
    name: 'null prototype',
    is: (value) => hasPrototype(value, null),
    encode: (object: object) => new OwnProperties(object, Object.keys(object)),
    decode: (entries: Map<string, unknown>) => define(Object.create(null) as object, entries),
  },
  {
    name: 'misleading names',
    is: (value) => hasPrototype(value, Object.prototype) && hasMisleadingNames(value as object),
    encode: (object: object) => new OwnProperties(object, Object.keys(object)),
    decode: (entries: Map<string, unknown>) => define({}, entries),
  },
];

export function specialValueOf(value: unknown): SpecialValue | undefined {
  return SPECIAL_VALUES.find(({ is }) => is(value));
}

export function specialValueNamed(name: string): SpecialValue | undefined {
  return SPECIAL_VALUES.find((special) => special.name === name);
}

/** Properties of its own that msgpackr renames, for safety, or takes for the object's class. */
export function hasMisleadingNames(object: object): boolean {
  return Object.hasOwn(object, '__proto__') || Object.hasOwn(object, 'constructor');
}

/** In every Node.js that is supported, but not in the types of ES2023. */
export function isWellFormed(text: string): boolean {
  return (text as string & { isWellFormed: () => boolean }).isWellFormed();
}

function errorsOf({ name, prototype }: { name: string; prototype: Error }, create: () => Error): SpecialValue {
  return {
    name,
    is: (value) => hasPrototype(value, prototype),
    encode: (error: Error) => new OwnProperties(error, Object.getOwnPropertyNames(error)),
    decode: (entries: Map<string, unknown>) => define(create(), entries),
  };
}

function hasPrototype(value: unknown, prototype: object | null): boolean {
  return typeof value === 'object' && value !== null && Object.getPrototypeOf(value) === prototype;
}

/** Defined, not assigned: a key such as `__proto__` must not reach the prototype. */
function define<T extends object>(object: T, entries: Map<string, unknown>): T {
  for (const [key, value] of entries) {
    const enumerable = !(object instanceof Error && HIDDEN.has(key));
    Object.defineProperty(object, key, { value, enumerable, writable: true, configurable: true });
  }
  return object;
}
