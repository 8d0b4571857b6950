/** Numbers in [0, 1) that are the same in every run (mulberry32). */
export function seeded(seed) {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

const KEYS = [
  'a',
  'b',
  'name',
  '',
  '0',
  'with space',
  'ümlaut',
  '__proto__',
  'constructor',
  'toJSON',
  'hasOwnProperty',
];

/** A value of everything that can be carried; what it made before comes back in it, so that there are cycles. */
export function generated(random, depth = 0, made = []) {
  const upTo = (limit) => Math.floor(random() * limit);
  const next = () => generated(random, depth + 1, made);
  const many = (make) => Array.from({ length: upTo(5) }, make);
  const note = (container) => {
    made.push(container);
    return container;
  };
  const leaves = [
    () => undefined,
    () => null,
    () => random() < 0.5,
    () => upTo(2 ** 32) - 2 ** 31,
    () => (random() - 0.5) * 10 ** upTo(300),
    () => [-0, NaN, Infinity, -Infinity, 2 ** 53, 5e-324][upTo(6)],
    () => BigInt(upTo(2 ** 32)) ** BigInt(upTo(9)) * (random() < 0.5 ? 1n : -1n),
    () => ['', 'text', 'é'.repeat(upTo(80)), '😀'.repeat(upTo(40)), '\ud800', '\0'][upTo(6)],
    () => new Date(upTo(2 ** 32) * (random() < 0.5 ? 1000 : -777)),
    () => [/a+/giu, /[^/]\/\n/m, /(?<name>x)/s][upTo(3)],
    () => new URL(`http://example.com/${upTo(100)}?a=b#c`),
    () => Buffer.from(many(() => upTo(256))),
    () => new Float64Array(many(random)),
    () => new Uint16Array(many(() => upTo(65_536))),
    () => new ArrayBuffer(upTo(9)),
    () => made[upTo(made.length)],
  ];
  const containers = [
    () => {
      const array = note([]);
      array.push(...many(next));
      return array;
    },
    () => {
      const map = note(new Map());
      for (const [key, value] of many(() => [next(), next()])) map.set(key, value);
      return map;
    },
    () => {
      const set = note(new Set());
      for (const value of many(next)) set.add(value);
      return set;
    },
    () => {
      // One with misleading names is made anew as a whole, so it can't be in a cycle.
      const keys = new Set(many(() => KEYS[upTo(KEYS.length)]));
      const isPlain = !keys.has('__proto__') && !keys.has('constructor');
      const object = isPlain ? note({}) : {};
      for (const key of keys) define(object, key, isPlain ? next() : generated(random, 5));
      return object;
    },
    () => define(Object.create(null), '__proto__', generated(random, 5)),
    () => Object.assign(new RangeError('generated', { cause: generated(random, 5) }), { code: generated(random, 5) }),
  ];
  const kinds = depth === 0 ? containers : depth > 4 ? leaves : [...leaves, ...containers, ...containers];
  return kinds[upTo(kinds.length)]();
}

function define(object, key, value) {
  return Object.defineProperty(object, key, { value, enumerable: true, writable: true, configurable: true });
}
