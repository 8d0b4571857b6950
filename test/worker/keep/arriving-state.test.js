import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ValueDecoder } from '../../../dist/state/codec.js';
import { ArrivingState } from '../../../dist/worker/keep/arriving-state.js';
import { KeepStore } from '../../../dist/worker/keep/keep-store.js';
import { arrived, blobOf, encoded } from '../../helpers/state.js';

const unused = () => assert.fail('init is not to be called');
const large = () => new Map(Array.from({ length: 1000 }, (_, index) => [index, { text: 'x'.repeat(1000) }]));

function entryOf(key, value, change = {}) {
  const { parts, isPlain } = encoded(value);
  return { key, version: 1, isPlain, parts, ...change };
}

test('what is plain is decoded while it comes, in whatever pieces', (t) => {
  const blob = blobOf([entryOf('large', large()), entryOf('small', { a: 1 })]);
  for (const length of [1000, 65_536, blob.length]) {
    const decode = t.mock.method(ValueDecoder.prototype, 'read');
    const state = arrived(blob, length);
    const during = decode.mock.callCount();
    assert.ok(during > 5);
    const store = new KeepStore(() => {});
    store.restore(state);
    assert.deepEqual(store.keep('large', unused, {}), large());
    assert.deepEqual(store.keep('small', unused, {}), { a: 1 });
    assert.equal(decode.mock.callCount(), during);
    decode.mock.restore();
  }
});

test('bytes may be overwritten once write() has returned', () => {
  const value = {
    buffer: Buffer.alloc(300, 1),
    numbers: new Float64Array([1, 2]),
    text: 'x'.repeat(300),
    large: large(),
  };
  const blob = blobOf([entryOf('a name of many bytes', 5), entryOf('value', value)]);
  for (const length of [3, 1000]) {
    const state = new ArrivingState();
    for (let at = 0; at < blob.length; at += length) {
      const piece = Buffer.from(blob.subarray(at, at + length));
      state.write(piece);
      piece.fill(0);
    }
    state.end();
    const entries = [...state.take().values()];
    assert.deepEqual(
      entries.map(({ key, isPlain }) => [key, isPlain]),
      [
        ['a name of many bytes', true],
        ['value', true],
      ],
    );
    const store = new KeepStore(() => {});
    store.restore(state);
    assert.deepEqual(store.keep('value', unused, {}), value);
  }
});

test('a large value that is not asked for, or fails to be migrated, is passed on as it came', () => {
  const huge = () => ({
    first: [1],
    records: Array.from({ length: 3000 }, (_, id) => ({ id, text: 'x'.repeat(1000) })),
  });
  const store = new KeepStore(() => {});
  store.restore(arrived(blobOf([entryOf('huge', huge(), { version: 3 })]), 65_536));
  const migrate = (old) => {
    old.first.push(2);
    throw new Error('not yet');
  };
  const pass = () => {
    const pieces = [];
    store.capture((bytes) => pieces.push(Buffer.from(bytes)));
    const next = new KeepStore(() => {});
    next.restore(arrived(Buffer.concat(pieces)));
    return next.keep('huge', unused, { version: 3 });
  };
  assert.deepEqual(pass(), huge());
  assert.throws(() => store.keep('huge', unused, { version: 4, migrate }), /not yet/);
  assert.deepEqual(pass(), huge());
  assert.deepEqual(store.keep('huge', unused, { version: 3 }), huge());
});

test('instances wait for the classes of the app', () => {
  class Late {
    toJSON() {
      return 5;
    }

    static fromJSON() {
      return new Late();
    }
  }
  const store = new KeepStore(() => {});
  store.restore(arrived(blobOf([entryOf('late', [new Late()])])));
  assert.ok(store.keep('late', () => [new Late()], {})[0] instanceof Late);
});

test('a plain value that cannot be decoded is told when it is asked for, and harms no other', () => {
  const parts = [{ kind: 0, bytes: Buffer.from([0xc1]) }];
  const store = new KeepStore(() => {});
  store.restore(arrived(blobOf([entryOf('bad', 0, { parts: [...parts, ...parts] }), entryOf('good', 1)])));
  assert.equal(store.keep('good', unused, {}), 1);
  assert.throws(() => store.keep('bad', unused, {}), { code: 'STATE_REJECTED' });
});

test('a migrate() that changes the value and then throws has not changed what came', () => {
  const store = new KeepStore(() => {});
  store.restore(arrived(blobOf([entryOf('users', { list: ['Ada'] })])));
  const migrate = (old) => {
    old.list.push('half');
    throw new Error('not yet');
  };
  assert.throws(() => store.keep('users', unused, { version: 2, migrate }), /not yet/);
  assert.deepEqual(store.keep('users', unused, {}), { list: ['Ada'] });
});

test('a state that is none, or not whole, is rejected when it is taken', () => {
  const blob = blobOf([entryOf('a', 1)]);
  for (const bytes of [Buffer.from('no state at all'), blob.subarray(0, -1), Buffer.alloc(0)]) {
    assert.throws(() => arrived(bytes).take(), { code: 'STATE_REJECTED' });
  }
});
