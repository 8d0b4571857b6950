import assert from 'node:assert/strict';
import { test } from 'node:test';
import { classNamed, classOf, registerClass } from '../../dist/state/class-registry.js';

class Point {
  constructor(x, y) {
    this.x = x;
    this.y = y;
  }
}

class Money {
  constructor(cents) {
    this.cents = cents;
  }

  toJSON() {
    return this.cents;
  }

  static fromJSON(cents) {
    return new this(cents);
  }
}

const codec = { encode: ({ x, y }) => [x, y], decode: ([x, y]) => new Point(x, y) };

test('a class with a codec is found by its instances and by its name', () => {
  registerClass(Point, codec);
  const found = classOf(new Point(1, 2));
  assert.equal(found, classNamed('Point'));
  assert.deepEqual(found.encode(new Point(1, 2)), [1, 2]);
  assert.deepEqual(found.decode([1, 2]), new Point(1, 2));
});

test('a class with toJSON() and fromJSON() needs no codec, and fromJSON() keeps its this', () => {
  registerClass(Money);
  const { encode, decode } = classNamed('Money');
  assert.equal(encode(new Money(5)), 5);
  assert.deepEqual(decode(5), new Money(5));
});

test('an instance tells its class also when that was not registered; the name alone does not', () => {
  class Unknown extends Money {}
  assert.equal(classOf(new Unknown(1)).name, 'Unknown');
  assert.ok(classOf(new Unknown(1)).decode(1) instanceof Unknown);
  assert.equal(classNamed('Unknown'), undefined);
});

test('what has no way to be carried has no class', () => {
  class Socket {}
  class HalfJson {
    toJSON() {}
  }
  for (const value of [new Socket(), new HalfJson(), {}, [], new Map(), Object.create(null), Object.create({})]) {
    assert.equal(classOf(value), undefined);
  }
});

test('a subclass without a codec is carried as the nearest class above it says', () => {
  class Point3 extends Point {}
  registerClass(Point, codec);
  assert.equal(classOf(new Point3(1, 2)).name, 'Point');
});

test('a name of its own tells classes of the same name apart', () => {
  const named = (decode) => Object.defineProperty(class {}, 'name', { value: decode });
  const [First, Second] = [named('Item'), named('Item')];
  registerClass(First, { name: 'first.Item', encode: () => 1, decode: () => new First() });
  registerClass(Second, { name: 'second.Item', encode: () => 2, decode: () => new Second() });
  assert.equal(classOf(new First()).name, 'first.Item');
  assert.ok(classNamed('second.Item').decode() instanceof Second);
  assert.equal(classNamed('Item'), undefined);
});

test('a name that is registered again gets the new class', () => {
  registerClass(Point, codec);
  const again = class Point {};
  registerClass(again, { encode: () => null, decode: () => new again() });
  assert.ok(classNamed('Point').decode() instanceof again);
  assert.deepEqual(classOf(new Point(1, 2)).encode(new Point(1, 2)), [1, 2]);
});

test('names of the language are names like others', () => {
  for (const name of ['__proto__', 'constructor', 'toString']) assert.equal(classNamed(name), undefined);
});

test('two copies of the package share what was registered', async () => {
  registerClass(Point, codec);
  const other = await import('../../dist/state/class-registry.js?copy');
  assert.notEqual(other.classNamed, classNamed);
  assert.equal(other.classNamed('Point'), classNamed('Point'));
});

test('what is no class, has no name or no way to be carried is refused', () => {
  const wrong = [
    [[undefined], /expected a class, got undefined/],
    [['Point'], /expected a class, got Point/],
    [[() => {}], /expected a class, got \(\) => /],
    [[class {}, codec], /a class without a name needs one/],
    [[Point, { ...codec, name: '' }], /a class without a name needs one/],
    [[class Plain {}], /registerClass\(Plain\): expected toJSON\(\) and a static fromJSON\(\)/],
    [[Point, { encode: codec.encode }], /registerClass\(Point\): expected .* \{ encode, decode \}/],
    [[Point, { encode: codec.encode, decode: 1 }], /registerClass\(Point\)/],
  ];
  for (const [args, message] of wrong) assert.throws(() => registerClass(...args), { code: 'INVALID_OPTION', message });
});
