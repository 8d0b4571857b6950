/** Keys are shown in paths up to this length, and of longer ones so many characters. */
const LONGEST_KEY = 24;
const SHORT_KEY = 6;

/** How a value is reached from the one above it. */
export interface Place {
  above: Place | undefined;
  /** A property, an index, `get(key)`, or the place in a Set. */
  step: string;
}

/** The whole way to a place, for example `sessions.get('a').socket`. */
export function pathOf(place: Place): string {
  let path = '';
  for (let at: Place | undefined = place; at; at = at.above) path = at.step + path;
  return path;
}

/** The name of its class, as far as it has one. */
export function kindOf(value: object): string {
  const { constructor } = value as { constructor?: { name?: string } };
  return constructor?.name || 'Object';
}

/** A key of a Map. */
export function labelOf(key: unknown): string {
  if (typeof key === 'string') return quote(shortened(key));
  return typeof key === 'object' && key !== null ? kindOf(key) : String(key);
}

/** The step to a property. */
export function stepTo(key: string | symbol): string {
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
