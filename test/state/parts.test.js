import assert from 'node:assert/strict';
import { test } from 'node:test';
import { registerClass } from '../../dist/state/class-registry.js';
import { decodeValue } from '../../dist/state/codec.js';
import { encoded } from '../helpers/state.js';
import { assertAlike } from './alike.js';

const text = 'x'.repeat(1000);
const record = (index) => ({ id: index, seen: new Date(index), tags: [`tag ${index}`], text });
const many = (count, make = record) => Array.from({ length: count }, (_, index) => make(index));

function assertCarriedInParts(value, least) {
  const { parts, problems } = encoded(value);
  assert.deepEqual(problems, []);
  assert.ok(parts.length >= least, `${parts.length} parts`);
  assertAlike(decodeValue(parts), value);
  return parts;
}

const CONTAINERS = {
  Map: () => new Map(many(2000).map((item, index) => [`key ${index}`, item])),
  'Map with other keys': () => new Map(many(2000).map((item, index) => [index % 2 ? { index } : index, item])),
  Set: () => new Set(many(2000)),
  Array: () => many(2000),
  object: () => Object.fromEntries(many(2000).map((item, index) => [`key ${index}`, item])),
};

for (const [name, make] of Object.entries(CONTAINERS)) {
  test(`a large ${name} travels in parts of about the same size`, () => {
    const parts = assertCarriedInParts(make(), 10);
    const sizes = parts.slice(4, -3).map(({ bytes }) => bytes.length);
    assert.ok(Math.max(...sizes) < 300_000 && Math.min(...sizes) > 30_000, `${sizes}`);
  });
}

test('large containers inside of others travel in parts, and all keep their order', () => {
  const [Map1, , Set1, Array1, object] = Object.values(CONTAINERS);
  assertCarriedInParts(
    {
      first: 1,
      users: Map1(),
      deeper: { list: Array1(), still: { set: Set1(), after: [1] }, between: 'text' },
      pair: [object(), 'last', new Map([['inner', Map1()]])],
      last: undefined,
    },
    50,
  );
});

test('many containers of a middle size are not torn apart', () => {
  const parts = assertCarriedInParts(new Map(many(300, (index) => [index, new Map([[index, many(10)]])])), 10);
  assert.ok(parts.length < 60, `${parts.length} parts`);
});

test('a single large item is a part of its own', () => {
  assertCarriedInParts([{ a: 1 }, 'y'.repeat(3_000_000), Buffer.alloc(2_000_000, 1), ...many(300)], 3);
});

test('what is reached in two ways is one object, however large', () => {
  const shared = record(0);
  const list = [...many(1000), shared];
  const { parts } = encoded({ list, byId: new Map(list.map((item) => [item.id, item])), shared });
  const result = decodeValue(parts);
  assert.equal(result.list.at(-1), result.shared);
  assert.equal(result.byId.get(500), result.list[500]);
});

test('a small value is one part', () => {
  assert.equal(encoded(new Map([['a', record(1)]])).parts.length, 1);
});

test('instances of classes travel in parts, too, and are not plain', () => {
  class Session {
    constructor(data) {
      this.data = data;
    }
  }
  registerClass(Session, { encode: ({ data }) => data, decode: (data) => new Session(data), name: 'Parts.Session' });
  const value = new Map(many(1000).map((item, index) => [index, new Session(item)]));
  const { parts, isPlain } = encoded(value);
  assert.equal(isPlain, false);
  assert.ok(parts.length > 5, `${parts.length} parts`);
  assertAlike(decodeValue(parts), value);
  assert.equal(encoded([new Error('e'), -0, new URL('http://a/')]).isPlain, true);
});

test('parts that are missing, too many or in another order are rejected', () => {
  const { parts } = encoded(CONTAINERS.Map());
  const wrong = [
    [],
    parts.slice(0, -1),
    parts.slice(1),
    [...parts, parts[1]],
    [parts[1], ...parts],
    [{ kind: 200, bytes: parts[0].bytes }],
    [{ kind: 1, bytes: encoded([7, null]).parts[0].bytes }],
  ];
  for (const some of wrong) assert.throws(() => decodeValue(some), { code: 'STATE_REJECTED' });
});

test('two values that are alike have the same bytes', () => {
  for (const make of Object.values(CONTAINERS)) assert.deepEqual(encoded(make()).parts, encoded(make()).parts);
});
