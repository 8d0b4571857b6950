import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decodeBlob } from '../../../dist/state/blob.js';
import { KeepStore } from '../../../dist/worker/keep/keep-store.js';
import { arrived, blobOf } from '../../helpers/state.js';

/** The state of one generation, as the next one gets it. */
function captured(store, saved) {
  const pieces = [];
  const { hasState, problems } = store.capture((bytes) => pieces.push(Buffer.from(bytes)), saved);
  return { blob: hasState ? Buffer.concat(pieces) : undefined, problems };
}

/** The store of a next generation that gets what `values` hold. */
function restored(values, { version } = {}) {
  const store = new KeepStore(() => {});
  for (const [key, value] of Object.entries(values)) store.keep(key, () => value, { version });
  return nextOf(store);
}

function nextOf(store, saved) {
  const next = new KeepStore(() => {});
  next.restore(arrived(captured(store, saved).blob));
  return next;
}

/** A hand-made Standard Schema. */
const schema = (validate) => ({ '~standard': { version: 1, vendor: 'test', validate } });

const unused = () => assert.fail('init is not to be called');

test('the first generation gets what init makes, once', (t) => {
  const onFirst = t.mock.fn();
  const store = new KeepStore(onFirst);
  const init = t.mock.fn(() => new Map());
  const map = store.keep('sessions', init, {});
  assert.equal(store.keep('sessions', init, {}), map);
  assert.equal(store.keep('sessions', unused, { version: 9 }), map);
  store.keep('other', () => 1, {});
  assert.equal(init.mock.callCount(), 1);
  assert.equal(onFirst.mock.callCount(), 1);
});

test('the next generation gets the value as it was at the capture', () => {
  const store = new KeepStore(() => {});
  const map = store.keep('sessions', () => new Map(), {});
  map.set('a', { at: new Date(1) });
  const next = nextOf(store);
  map.set('b', 'too late');
  assert.deepEqual(
    next.keep('sessions', () => new Map(), {}),
    new Map([['a', { at: new Date(1) }]]),
  );
  assert.equal(
    next.keep('new', () => 'made', {}),
    'made',
  );
});

test('a kept undefined is a value, too', () => {
  assert.equal(restored({ nothing: undefined }).keep('nothing', unused, {}), undefined);
});

test('without anything to keep there is no state', () => {
  assert.deepEqual(captured(new KeepStore(() => {})), { blob: undefined, problems: [] });
  assert.equal(captured(new KeepStore(() => {}), { value: undefined }).blob, undefined);
});

test('what save() returned is taken once, and is no key of keep()', () => {
  const store = new KeepStore(() => {});
  store.keep('a', () => 1, {});
  const next = nextOf(store, { value: { requests: 5 } });
  assert.deepEqual(next.takeSaved(), { requests: 5 });
  assert.equal(next.takeSaved(), undefined);
  assert.equal(new KeepStore(() => {}).takeSaved(), undefined);
  assert.deepEqual([...decodeBlob(captured(next).blob).keys()], ['a']);
});

test('keys that this generation does not ask for are passed on untouched', () => {
  const parts = [
    { kind: 0, bytes: Buffer.from([0xc1, 1, 2, 3]) }, // which nobody could decode
    { kind: 9, bytes: Buffer.alloc(0) },
  ];
  const old = { key: 'of another branch', version: 7, isPlain: true, parts };
  const store = new KeepStore(() => {});
  store.restore(arrived(blobOf([old])));
  store.keep('mine', () => 1, {});
  const entries = decodeBlob(captured(nextOf(nextOf(store))).blob);
  assert.deepEqual([...entries.keys()].sort(), ['mine', 'of another branch']);
  assert.deepEqual(entries.get('of another branch'), old);
});

test('a key that was asked for is passed on as it is now, not as it came', () => {
  const store = restored({ count: 1, other: 'x' });
  store.keep('count', unused, {});
  const entries = decodeBlob(captured(store).blob);
  assert.deepEqual([...entries.keys()].sort(), ['count', 'other']);
  assert.equal(nextOf(store).keep('count', unused, {}), 1);
});

test('a value of another version is migrated, and has the new version from then on', (t) => {
  const store = restored({ users: ['Ada'] }, { version: 2 });
  const migrate = t.mock.fn((old) => new Map(old.map((name) => [name, {}])));
  assert.deepEqual(store.keep('users', unused, { version: 3, migrate }), new Map([['Ada', {}]]));
  assert.deepEqual(migrate.mock.calls[0].arguments, [['Ada'], 2]);
  const next = nextOf(store);
  assert.deepEqual(next.keep('users', unused, { version: 3, migrate }), new Map([['Ada', {}]]));
  assert.equal(migrate.mock.callCount(), 1);
});

test('a value without a version has version 1, and one may go back to an older version', () => {
  const store = restored({ a: 'one' });
  const migrate = (old, version) => `${old} of ${version}`;
  assert.equal(store.keep('a', unused, { version: 2, migrate }), 'one of 1');
  assert.equal(nextOf(store).keep('a', unused, { version: 0, migrate }), 'one of 1 of 2');
  assert.equal(restored({ a: 'one' }).keep('a', unused, { version: 1, migrate }), 'one');
});

test('a value of another version without migrate is rejected, and passed on', () => {
  const store = restored({ users: ['Ada'] }, { version: 2 });
  assert.throws(() => store.keep('users', unused, { version: 3 }), {
    code: 'STATE_REJECTED',
    message: 'keep("users"): the state has version 2, the code wants 3; give keep() a migrate(old, oldVersion)',
  });
  assert.deepEqual(nextOf(store).keep('users', unused, { version: 2 }), ['Ada']);
});

test('when migrate, validate or fromJSON throws, the value that came is passed on', () => {
  const failure = new Error('not yet');
  const fail = () => {
    throw failure;
  };
  const store = restored({ users: ['Ada'] });
  for (const options of [{ version: 2, migrate: fail }, { validate: schema(fail) }]) {
    assert.throws(
      () => store.keep('users', unused, options),
      (error) => error === failure,
    );
  }
  assert.deepEqual(nextOf(store).keep('users', unused, {}), ['Ada']);
});

test('validate sees the carried, migrated value, and its answer is what is kept', () => {
  const options = {
    version: 2,
    migrate: (old) => Number(old),
    validate: schema((value) => ({ value: value + 1 })),
  };
  const store = restored({ count: '5' });
  assert.equal(store.keep('count', unused, options), 6);
  assert.equal(nextOf(store).keep('count', unused, { version: 2 }), 6);
});

test('what init makes is not validated', () => {
  const store = new KeepStore(() => {});
  assert.equal(
    store.keep('a', () => 1, { validate: schema(() => assert.fail('not called')) }),
    1,
  );
});

test('a value that does not pass is rejected by the path of what is wrong', () => {
  const cases = [
    [['list', 0, { key: 'name' }, 'first'], 'users.list.0.name.first'],
    [[{ key: 0 }], 'users.0'],
    [[Symbol('tag')], 'users.Symbol(tag)'],
    [[], 'users'],
    [undefined, 'users'],
  ];
  for (const [path, name] of cases) {
    const validate = schema(() => ({ issues: [{ message: 'expected a text', path }, { message: 'second' }] }));
    assert.throws(() => restored({ users: {} }).keep('users', unused, { validate }), {
      code: 'STATE_REJECTED',
      message: `keep("users"): the carried state does not pass validate: ${name}: expected a text; raise version and migrate it, or correct the schema`,
    });
  }
});

test('a schema that answers later is refused', () => {
  const validate = schema(async (value) => ({ value }));
  assert.throws(() => restored({ a: 1 }).keep('a', unused, { validate }), {
    code: 'INVALID_OPTION',
    message: /keep\("a"\): validate must answer at once, got a promise/,
  });
});

test('what cannot be carried is named by its path, and the rest is captured', () => {
  class Socket {}
  const store = new KeepStore(() => {});
  store.keep('sessions', () => new Map([['a', { socket: new Socket(), name: 'Ada' }]]), {});
  store.keep('server', () => new Socket(), {});
  store.keep('count', () => 5, {});
  const { blob, problems } = captured(store, { value: { close: () => {} } });
  assert.deepEqual(problems, ["sessions.get('a').socket: Socket", 'server: Socket', 'save().close: function']);
  const next = new KeepStore(() => {});
  next.restore(arrived(blob));
  assert.deepEqual(next.keep('sessions', unused, {}), new Map([['a', { socket: undefined, name: 'Ada' }]]));
  assert.equal(
    next.keep('server', () => 'made anew', {}),
    'made anew',
  );
  assert.equal(next.keep('count', unused, {}), 5);
  assert.deepEqual(next.takeSaved(), { close: undefined });
});

test('a class that is not registered is found in what init makes', () => {
  class Session {
    toJSON() {
      return {};
    }

    static fromJSON() {
      return new Session();
    }
  }
  const first = () => new Map([['example', new Session()]]);
  const store = restored({ sessions: first() });
  assert.throws(() => store.keep('sessions', () => new Map(), {}), { code: 'STATE_REJECTED', message: /Session/ });
  assert.ok(store.keep('sessions', first, {}).get('example') instanceof Session);
});

test('bytes that are no state are rejected', () => {
  const store = new KeepStore(() => {});
  assert.throws(() => store.restore(arrived(Buffer.from('not a state'))), { code: 'STATE_REJECTED' });
  assert.equal(
    store.keep('a', () => 1, {}),
    1,
  );
});

test('wrong arguments are refused', () => {
  const cycle = {};
  cycle.self = cycle;
  const init = () => 1;
  const wrong = [
    [['', init, {}], /expected a key that is a non-empty string/],
    [[undefined, init, {}], /got undefined/],
    [[5, init, {}], /got 5/],
    [[5n, init, {}], /got 5n/],
    [[cycle, init, {}], /got <ref \*1>/],
    [[Symbol('s'), init, {}], /got Symbol\(s\)/],
    [['handover:saved', init, {}], /does not begin with "handover:", got 'handover:saved'/],
    [['a', undefined, {}], /keep\("a"\): expected a function that makes the first value, got undefined/],
    [['a', new Map(), {}], /got object/],
    [['a', init, { version: 1.5 }], /keep\("a"\): expected a version that is a whole number, got 1\.5/],
    [['a', init, { version: -1 }], /got -1/],
    [['a', init, { version: '2' }], /got 2/],
    [['a', init, { version: NaN }], /got NaN/],
    [['a', init, { version: 2 ** 32 }], /got 4294967296/],
    [['a', init, { migrate: 'up' }], /keep\("a"\): expected migrate to be a function, got string/],
    [
      ['a', init, { validate: () => true }],
      /keep\("a"\): expected validate to be a Standard Schema, .* got \[Function/,
    ],
    [['a', init, { validate: null }], /Standard Schema, .* got null/],
  ];
  const store = new KeepStore(() => assert.fail('nothing is kept'));
  for (const [args, message] of wrong) assert.throws(() => store.keep(...args), { code: 'INVALID_OPTION', message });
  assert.equal(captured(store).blob, undefined);
});

test('a capture tells the size of each key, the largest first, and of a long key only the beginning', () => {
  const store = restored({ passed: 'on '.repeat(1000) });
  store.keep('small', () => 1, {});
  store.keep(`session-token-${'0123456789'.repeat(3)}`, () => 'x'.repeat(500), {});
  store.keep('handle', () => new WeakMap(), {});
  const pieces = [];
  const { keys } = store.capture((bytes) => pieces.push(bytes.length), { value: { a: 1 } });
  assert.deepEqual(
    keys.map(({ key }) => key),
    ['passed', 'sessio…', 'save()', 'small'],
  );
  assert.ok(keys[0].bytes > 3000 && keys[1].bytes > 500 && keys[3].bytes < 50, JSON.stringify(keys));
  const told = keys.reduce((sum, { bytes }) => sum + bytes, 0);
  const all = pieces.reduce((sum, length) => sum + length, 0);
  assert.ok(all - told < 20, `${told} of ${all}`);
});

test('of thousands of keys the largest are told', () => {
  const store = new KeepStore(() => {});
  for (let index = 0; index < 1000; index++) store.keep(`user ${index}`, () => 'x'.repeat(index), {});
  const { keys } = store.capture(() => {});
  assert.equal(keys.length, 20);
  assert.equal(keys[0].key, 'user 999');
});
