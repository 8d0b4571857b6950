import assert from 'node:assert/strict';
import { test } from 'node:test';
import { registerClass } from '../../dist/state/class-registry.js';
import { decodeValue } from '../../dist/state/codec.js';
import { HandoverError } from '../../dist/errors.js';
import { encoded } from '../helpers/state.js';
import { assertAlike } from './alike.js';
import { generated, seeded } from './generated.js';

class Money {
  constructor(cents) {
    this.cents = cents;
  }

  toJSON() {
    return { cents: this.cents };
  }

  static fromJSON({ cents }) {
    return new Money(cents);
  }
}

class Node {
  constructor(data) {
    this.data = data;
  }
}

registerClass(Money);
registerClass(Node, { encode: ({ data }) => data, decode: (data) => new Node(data), name: 'Graph.Node' });

/** What becomes of a value, which must be carried as a whole. */
function carried(value, options) {
  const { parts, problems } = encoded(value, 'value');
  assert.deepEqual(problems, []);
  return decodeValue(parts, options);
}

function assertCarried(value) {
  assertAlike(carried(value), value);
}

/** What becomes of a value of which parts can't be carried, and which these are. */
function partlyCarried(value, name = 'value') {
  const { parts, problems } = encoded(value, name);
  return { value: parts && decodeValue(parts), problems: problems.map(({ path, kind }) => `${path}: ${kind}`) };
}

test('primitives', () => {
  const numbers = [0, 1, -1, -32, -33, 127, 128, 255, 256, 65_535, 65_536, 2 ** 31, -(2 ** 31), 2 ** 32, 2 ** 53, 0.1];
  const odd = [-0, NaN, Infinity, -Infinity, 5e-324, 1.7976931348623157e308, Number.MIN_SAFE_INTEGER];
  for (const value of [undefined, null, true, false, ...numbers, ...odd]) {
    assertCarried(value);
    assertCarried({ value, in: [value, new Map([[value, value]])] });
  }
});

test('strings of any length and any characters, also when they were cut inside one', () => {
  const characters = ['a', 'é', '日', '😀', '\0', '\ud83d', '\udE00'];
  for (const length of [0, 1, 15, 16, 31, 32, 64, 255, 256, 4000, 70_000]) {
    for (const character of characters) assertCarried([character.repeat(length)]);
  }
  assertCarried('😀 and half of one: \ud83d');
  assertCarried(new Map([['\ud83d', new Set(['\ude00'])]]));
});

test('BigInts of any size', () => {
  const sizes = [0n, 31n, 32n, 53n, 62n, 63n, 64n, 65n, 127n, 128n, 1000n, 5000n];
  const values = sizes.flatMap((size) => [2n ** size - 1n, 2n ** size, 2n ** size + 1n]);
  assertCarried([...values, ...values.map((value) => -value)]);
});

test('dates, with those before 1970, the first, the last, and no date', () => {
  const times = [0, 1, -1, 999, 1_700_000_000_123, -62_135_596_800_000, 2 ** 32 * 1000, 8.64e15, -8.64e15, NaN];
  assertCarried(times.map((time) => new Date(time)));
});

test('regular expressions and URLs', () => {
  assertCarried([/a/, /\/[/]\n"/dgimsuy, /é😀(?<name>x)/u, new URL('http://user:p%40@example.com:81/ü?q=1&q=2#hash')]);
});

test('Maps and Sets in their order, with objects as keys', () => {
  const key = { id: 1 };
  const map = new Map([
    [key, [1]],
    [[key], 2],
    [new Date(5), 'date'],
    [new Map([[NaN, 0]]), new Set([key])],
    [undefined, null],
    ['__proto__', 'text'],
    ['1', 'text'],
    [1, 'number'],
    [1n, 'bigint'],
  ]);
  assertCarried({ map, key, set: new Set([key, map, 'x', -1]) });
  assert.equal(carried([key, map])[1].get(carried([key])[0]), undefined);
  const [first, found] = carried([key, map]);
  assert.deepEqual(found.get(first), [1]);
});

const VIEWS = [
  ...[Uint8Array, Uint8ClampedArray, Uint16Array, Uint32Array, Int8Array, Int16Array, Int32Array],
  ...[Float32Array, Float64Array, BigInt64Array, BigUint64Array, DataView],
];
for (const View of VIEWS) {
  test(`${View.name}, empty, whole and as a part of a larger buffer`, () => {
    const { buffer } = Uint8Array.from({ length: 64 }, (_, index) => index * 7);
    const length = View === DataView ? 16 : 16 / View.BYTES_PER_ELEMENT;
    assertCarried({
      view: new View(buffer),
      part: new View(buffer, 8, length),
      empty: new View(new ArrayBuffer(0)),
      // Beside something that makes a copy necessary.
      withCopy: [new View(buffer, 16), -0],
    });
  });
}

test('ArrayBuffers and Buffers, small and large', () => {
  for (const size of [0, 1, 255, 256, 70_000, 2_000_000]) {
    const bytes = Buffer.alloc(size, 'x');
    assertCarried({ bytes, buffer: new Uint8Array(bytes).buffer });
  }
  assert.ok(Buffer.isBuffer(carried(Buffer.from('a'))));
  assert.ok(!Buffer.isBuffer(carried(new Uint8Array(1))));
});

test('errors with their class, stack, cause and properties', () => {
  const cause = new TypeError('the cause');
  for (const Class of [Error, EvalError, RangeError, ReferenceError, SyntaxError, TypeError, URIError]) {
    const error = Object.assign(new Class('what happened', { cause }), { code: 'E_CODE', detail: { at: new Date(1) } });
    assertCarried({ error, cause });
  }
  const error = carried(new RangeError('x', { cause }));
  assert.ok(error instanceof RangeError);
  assert.deepEqual(Object.keys(error), []);
  assertCarried(Object.assign(new Error('renamed'), { name: 'CustomError' }));
  assertCarried(new Error('with no cause', { cause: undefined }));
});

test('an AggregateError with its errors', () => {
  const error = new AggregateError([new Error('one'), new RangeError('two'), 'three'], 'all', { cause: { a: 1 } });
  assertCarried(error);
  assert.equal(carried(error).errors[1].message, 'two');
});

test('objects without a prototype', () => {
  const object = Object.assign(Object.create(null), { a: 1, 'b c': { d: [2] } });
  assertCarried(object);
  assertCarried({ object, again: object });
});

test('an own property named __proto__ stays one and touches no prototype', () => {
  const value = JSON.parse(
    '{ "__proto__": { "polluted": true }, "a": { "__proto__": null }, "b": { "__proto__": 1 } }',
  );
  const result = carried(value);
  assertAlike(result, value);
  assert.equal(Object.getPrototypeOf(result), Object.prototype);
  assert.equal(result.polluted, undefined);
  assert.equal({}.polluted, undefined);
  assertCarried(Object.defineProperty(Object.create(null), '__proto__', { value: 1, enumerable: true }));
});

test('properties that have the names of methods are data like others', () => {
  const names = ['constructor', 'toJSON', 'toString', 'hasOwnProperty', 'valueOf', 'then', 'length', 'size', 'get'];
  for (const first of names) {
    for (const second of names) assertCarried([{ [first]: 'x', [second]: { [second]: null } }]);
  }
  assertCarried({ '': 1, 0: 2, ' ': 3, 'a.b': 4, "it's": 5, ü: 6 });
});

test('an object with hundreds of properties, and hundreds of objects with different ones', () => {
  const names = Array.from({ length: 500 }, (_, index) => `property${index}`);
  assertCarried(Object.fromEntries(names.map((name) => [name, name])));
  assertCarried(names.map((name) => ({ [name]: 1, shared: [name] })));
});

test('cycles through objects, arrays, Maps and Sets', () => {
  const object = { name: 'object' };
  const array = [object];
  const map = new Map([[array, object]]);
  const set = new Set([map, object]);
  map.set('map', map).set(set, set);
  array.push(array);
  object.all = { object, array, map, set };
  for (const root of [object, array, map, set]) assertCarried(root);
  // Also when a copy has to be made.
  object.minus = -0;
  for (const root of [object, array, map, set]) assertCarried(root);
});

test('what is reached in two ways is one object still', () => {
  const shared = [{}, [], new Map(), new Set(), new Date(1), Buffer.from('x'), new Float32Array(2), new Error('e')];
  const instances = [new Money(5), new Node({ a: 1 }), new URL('http://a/'), /x/, Object.create(null)];
  for (const value of [...shared, ...instances]) {
    assertCarried({ value, again: value, in: [value, new Map([[value, value]])], set: new Set([value]) });
  }
});

test('instances of registered classes, inside of all containers', () => {
  const node = new Node(new Map([['money', new Money(7)]]));
  assertCarried([new Money(-0), node, new Set([new Money(2n)]), { a: { node } }]);
  assertCarried(new Money(1));
  const result = carried({ money: new Money(3) }).money;
  assert.ok(result instanceof Money);
});

test('an instance may lead back to the object that holds it', () => {
  const parent = { name: 'parent' };
  parent.child = new Node({ parent });
  parent.last = new Node([parent.child.data]);
  const result = carried(parent);
  assert.equal(result.child.data.parent, result);
  assert.equal(result.last.data[0], result.child.data);
});

test('an instance that contains itself is refused, and the rest survives', () => {
  const node = new Node({ name: 'loop' });
  node.data.next = node;
  assert.deepEqual(partlyCarried({ node, ok: 1 }), {
    value: { node: new Node({ name: 'loop', next: undefined }), ok: 1 },
    problems: ['value.node.next: Node that contains itself'],
  });
});

test('a class that was not registered is found in the template', () => {
  class Session {
    toJSON() {
      return { ...this };
    }

    static fromJSON(data) {
      return Object.assign(new Session(), data);
    }
  }
  const { parts } = encoded(new Map([['a', Object.assign(new Session(), { id: 1 })]]), 'sessions');
  const places = [
    () => new Session(),
    () => ({ deep: [new Map([['x', new Set([new Session()])]])] }),
    () => new Map([[new Session(), 1]]),
    () => {
      const cycle = { name: 'cycle' };
      return Object.assign(cycle, { cycle, last: new Session() });
    },
  ];
  for (const template of places) {
    const session = decodeValue(parts, { template }).get('a');
    assert.ok(session instanceof Session);
    assert.equal(session.id, 1);
  }
  for (const template of [undefined, () => new Map(), () => null]) {
    assert.throws(() => decodeValue(parts, { template }), {
      name: 'HandoverError',
      code: 'STATE_REJECTED',
      message: /instance of Session.*registerClass\(Session\)/,
    });
  }
});

test('a fromJSON() that decodes something itself does not take the template from the others', () => {
  const { parts: inner } = encoded(1, 'inner');
  class Outer {
    toJSON() {
      return 0;
    }

    static fromJSON() {
      decodeValue(inner);
      return new Outer();
    }
  }
  const { parts } = encoded([new Outer(), new Outer()], 'value');
  const result = decodeValue(parts, { template: () => new Outer() });
  assert.ok(result.every((item) => item instanceof Outer));
});

test('a fromJSON() that throws rejects the state, and the next one is read as ever', () => {
  class Strict {
    toJSON() {
      return { a: 1 };
    }

    static fromJSON() {
      throw new Error('not this shape');
    }
  }
  registerClass(Strict);
  const { parts } = encoded([{ a: [1] }, new Strict(), { a: [2] }], 'value');
  assert.throws(() => decodeValue(parts), { code: 'STATE_REJECTED', message: /not this shape/ });
  assertCarried([{ a: [1] }, { a: [2], b: 3 }]);
});

test('every kind of value that cannot be carried is named by its path, and the rest survives', () => {
  class Socket {}
  class Bytes extends Uint8Array {}
  class MyMap extends Map {}
  class AppError extends Error {}
  const refused = {
    function: () => {},
    asyncFunction: async () => {},
    class: Socket,
    symbol: Symbol('s'),
    instance: new Socket(),
    unnamed: new (class {})(),
    promise: Promise.resolve(),
    weakMap: new WeakMap(),
    weakSet: new WeakSet(),
    weakRef: new WeakRef({}),
    shared: new SharedArrayBuffer(1),
    boxed: Object('text'),
    generator: (function* none() {})(),
    view: new Bytes(1),
    map: new MyMap(),
    error: new AppError('x'),
  };
  const kinds = {
    ...{ function: 'function', asyncFunction: 'function', class: 'function', symbol: 'symbol', instance: 'Socket' },
    ...{ unnamed: 'Object', promise: 'Promise', weakMap: 'WeakMap', weakSet: 'WeakSet', weakRef: 'WeakRef' },
    ...{ shared: 'SharedArrayBuffer', boxed: 'String', view: 'Bytes', map: 'MyMap', error: 'AppError' },
  };
  const { value, problems } = partlyCarried({ before: [1], ...refused, after: new Map([['x', -0]]) }, 'app');
  for (const [name, kind] of Object.entries(kinds)) assert.ok(problems.includes(`app.${name}: ${kind}`), name);
  assert.equal(problems.length, Object.keys(refused).length);
  const nothing = Object.fromEntries(Object.keys(refused).map((name) => [name, undefined]));
  assertAlike(value, { before: [1], ...nothing, after: new Map([['x', -0]]) });
});

test('a typed array of a kind that the format does not know is named', { skip: !globalThis.Float16Array }, () => {
  const { value, problems } = partlyCarried({ halves: new globalThis.Float16Array(2), ok: 1 });
  assertAlike(value, { halves: undefined, ok: 1 });
  assert.deepEqual(problems, ['value.halves: Float16Array']);
});

test('a path tells every step', () => {
  class Socket {}
  const socket = new Socket();
  const paths = (value, name) => partlyCarried(value, name).problems.map((problem) => problem.split(': ')[0]);
  const cases = [
    [new Map([['a', { socket }]]), "sessions.get('a').socket"],
    [new Map([['x'.repeat(24), socket]]), `sessions.get('${'x'.repeat(24)}')`],
    [new Map([['secret-token-of-a-session', socket]]), "sessions.get('secret…')"],
    [{ secretTokenOfASession0123: socket }, "sessions['secret…']"],
    [[[1, socket]], 'sessions[0][1]'],
    [new Set([1, socket]), 'sessions.values()[1]'],
    [new Map([[socket, 1]]), 'sessions.keys()(Socket)'],
    [new Map([[5, socket]]), 'sessions.get(5)'],
    [new Map([[{}, socket]]), 'sessions.get(Object)'],
    [{ 'a b': { $c_1: socket } }, "sessions['a b'].$c_1"],
    [Object.assign(new Error('e'), { socket }), 'sessions.socket'],
    [new Error('e', { cause: { socket } }), 'sessions.cause.socket'],
    [new AggregateError([socket]), 'sessions.errors[0]'],
    [Object.assign(Object.create(null), { socket }), 'sessions.socket'],
    [{ constructor: 'x', socket }, 'sessions.socket'],
    [new Node({ socket }), 'sessions.socket'],
    [{ money: new Money([socket]) }, 'sessions.money.cents[0]'],
  ];
  for (const [value, path] of cases) assert.deepEqual(paths(value, 'sessions'), [path]);
});

test('a root that cannot be carried has no bytes', () => {
  for (const [root, kind] of [
    [() => {}, 'function'],
    [Symbol('s'), 'symbol'],
    [new (class Socket {})(), 'Socket'],
    [new WeakMap(), 'WeakMap'],
  ]) {
    const { parts, problems } = encoded(root, 'root');
    assert.deepEqual({ parts, problems }, { parts: undefined, problems: [{ path: 'root', kind }] });
  }
  assertCarried(undefined);
});

test('a getter that throws is named, one that answers is read', () => {
  const value = {
    get good() {
      return new Date(5);
    },
    get bad() {
      throw new Error('not now');
    },
  };
  const withoutPrototype = Object.create(null, Object.getOwnPropertyDescriptors(value));
  const error = Object.defineProperties(new Error('e'), Object.getOwnPropertyDescriptors(value));
  for (const object of [value, withoutPrototype, error]) {
    const result = partlyCarried({ object });
    assert.deepEqual(result.problems, ['value.object.bad: a getter that throws: not now']);
    assert.deepEqual(result.value.object.good, new Date(5));
    assert.equal(result.value.object.bad, undefined);
  }
});

test('an encode() or toJSON() that throws is named', () => {
  class Closed {
    toJSON() {
      throw new Error('it is closed');
    }

    static fromJSON() {}
  }
  assert.deepEqual(partlyCarried([1, new Closed()]), {
    value: [1, undefined],
    problems: ['value[1]: Closed, which could not be encoded: it is closed'],
  });
});

test('a value that the format itself refuses is named, too', () => {
  const buffer = new ArrayBuffer(8);
  const view = new DataView(buffer);
  structuredClone(buffer, { transfer: [buffer] });
  const { value, problems } = partlyCarried({ view });
  assert.equal(value, undefined);
  assert.match(problems.join(), /^value: a value that could not be packed: /);
});

test('what an array or an object has besides items and named properties is named', () => {
  const tag = Symbol('tag');
  const sparse = [1, , undefined, 2]; // oxlint-disable-line no-sparse-arrays
  const match = /b(?<letter>c)/.exec('abcd');
  const cases = [
    [
      { sparse },
      { sparse: [1, undefined, undefined, 2] },
      ['value.sparse: an array with holes, which become undefined'],
    ],
    [
      { a: Object.assign([], { length: 2 }) },
      { a: [undefined, undefined] },
      ['value.a: an array with holes, which become undefined'],
    ],
    [[match], [['bc', 'c']], ['index', 'input', 'groups'].map((name) => `value[0].${name}: a property of an array`)],
    [
      Object.assign([], { 'a b': 1, [tag]: 2 }),
      [],
      ["value['a b']", 'value[Symbol(tag)]'].map((path) => `${path}: a property of an array`),
    ],
    [
      new Map([[1, { a: 1, [tag]: 2 }]]),
      new Map([[1, { a: 1 }]]),
      ['value.get(1)[Symbol(tag)]: a property with a symbol as its key'],
    ],
  ];
  for (const [value, expected, expectedProblems] of cases) {
    const result = partlyCarried(value);
    assert.deepEqual(result.problems, expectedProblems);
    assertAlike(result.value, expected);
  }
  const undefineds = Array.from({ length: 5 });
  const hidden = Object.defineProperty({ a: 1 }, tag, { value: 2, enumerable: false });
  assertCarried([undefineds, [], Array.from({ length: 200 })]);
  assert.deepEqual(partlyCarried([hidden]), { value: [{ a: 1 }], problems: [] });
});

for (const [kind, wrap, step] of [
  ['arrays', (value) => [value], '[0]'],
  ['objects', (value) => ({ next: value }), '.next'],
  ['Maps', (value) => new Map([['k', value]]), ".get('k')"],
  ['Sets', (value) => new Set([value]), '.values()[0]'],
  ['instances', (value) => new Node([value]), '[0]'],
  ['errors', (value) => new Error('e', { cause: value }), '.cause'],
]) {
  test(`100,000 levels of ${kind} are reported, and what lies beside them survives`, () => {
    let deep = 1;
    for (let level = 0; level < 100_000; level++) deep = wrap(deep);
    const { value, problems } = partlyCarried({ deep, beside: new Date(1) });
    assert.equal(problems.length, 1);
    assert.ok(problems[0].startsWith(`value.deep${step}${step}`));
    assert.match(problems[0], /nested more than \d+ levels deep$/);
    assert.deepEqual(value.beside, new Date(1));
  });

  test(`200 levels of ${kind} are carried`, () => {
    let deep = 1;
    for (let level = 0; level < 200; level++) deep = wrap(deep);
    assertCarried(deep);
  });
}

test('500 generated values', () => {
  const random = seeded(20_260_101);
  for (let index = 0; index < 500; index++) {
    const value = generated(random);
    const { parts, problems } = encoded(value, 'value');
    assert.deepEqual(problems, [], `value ${index}`);
    assertAlike(decodeValue(parts), value, `value ${index}`);
  }
});

test('1,000 buffers of garbage are rejected or give a value, and no prototype is touched', () => {
  const prototypes = [Object.prototype, Array.prototype, Map.prototype, Function.prototype];
  const before = prototypes.map((prototype) => Reflect.ownKeys(prototype));
  const random = seeded(7);
  for (let index = 0; index < 1000; index++) {
    const [{ kind, bytes }] =
      index % 2 === 0 ? [{ kind: index % 5, bytes: noise(random) }] : encoded(generated(random)).parts;
    const part = { kind, bytes: index % 2 === 0 ? bytes : mutated(bytes, random) };
    try {
      decodeValue([part]);
    } catch (error) {
      assert.ok(error instanceof HandoverError, `${error.stack}\n${part.bytes.toString('hex')}`);
      assert.equal(error.code, 'STATE_REJECTED');
    }
  }
  assert.deepEqual(
    prototypes.map((prototype) => Reflect.ownKeys(prototype)),
    before,
  );
  assertCarried({ after: ['all', new Map([[{}, new Money(1)]])] });
});

test('no bytes at all are no state', () => {
  assert.throws(() => decodeValue([]), { code: 'STATE_REJECTED' });
  assert.throws(() => decodeValue([{ kind: 0, bytes: Buffer.alloc(0) }]), { code: 'STATE_REJECTED' });
});

function noise(random) {
  return Buffer.from(Array.from({ length: Math.floor(random() * 200) }, () => Math.floor(random() * 256)));
}

function mutated(bytes, random) {
  const copy = Buffer.from(bytes);
  for (let count = 1 + random() * 4; count > 0; count--) {
    copy[Math.floor(random() * copy.length)] = Math.floor(random() * 256);
  }
  return random() < 0.3 ? copy.subarray(0, Math.floor(random() * copy.length)) : copy;
}
