import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decodeBlob, encodeBlob } from '../../dist/state/blob.js';

const ENTRIES = [
  { key: 'sessions', version: 1, bytes: Buffer.from('some bytes') },
  { key: 'ümläut 😀', version: 2 ** 32 - 1, bytes: Buffer.alloc(0) },
  { key: '', version: 0, bytes: new Uint8Array([0, 255]) },
  { key: '__proto__', version: 7, bytes: Buffer.alloc(70_000, 1) },
];

const whole = (entries) => Buffer.concat(encodeBlob(entries));
const small = whole(ENTRIES.slice(0, 3));

test('entries come back with their keys, versions and bytes, in order', () => {
  const entries = decodeBlob(whole(ENTRIES));
  assert.deepEqual(
    [...entries.keys()],
    ENTRIES.map(({ key }) => key),
  );
  for (const { key, version, bytes } of ENTRIES) {
    const entry = entries.get(key);
    assert.deepEqual([entry.key, entry.version, [...entry.bytes]], [key, version, [...bytes]]);
  }
});

test('a blob may have no entries', () => {
  const blob = whole([]);
  assert.equal(blob.length, 8);
  assert.equal(decodeBlob(blob).size, 0);
});

test('nothing large is copied, neither in nor out', () => {
  const bytes = Buffer.alloc(1000, 'x');
  assert.ok(encodeBlob([{ key: 'a', version: 1, bytes }]).includes(bytes));
  const blob = whole([{ key: 'a', version: 1, bytes }]);
  assert.equal(decodeBlob(blob).get('a').bytes.buffer, blob.buffer);
});

test('a blob that ends anywhere before its end is rejected', () => {
  for (let length = 0; length < small.length; length++) {
    assert.throws(() => decodeBlob(small.subarray(0, length)), { code: 'STATE_REJECTED' }, `${length} bytes`);
  }
});

test('bytes behind the end are rejected and counted', () => {
  for (const extra of [1, 16, 1000]) {
    assert.throws(() => decodeBlob(Buffer.concat([small, Buffer.alloc(extra)])), {
      code: 'STATE_REJECTED',
      message: `the state has ${extra} bytes too many`,
    });
  }
});

test('what begins otherwise is rejected', () => {
  const other = Buffer.from(small);
  other[0] ^= 1;
  for (const blob of [other, Buffer.from('{"state":1}'), Buffer.alloc(8)]) {
    assert.throws(() => decodeBlob(blob), { code: 'STATE_REJECTED', message: /begins otherwise/ });
  }
});

test('lengths and counts beyond the end are rejected, whatever their size', () => {
  const changed = (change) => {
    const blob = Buffer.from(small);
    change(blob);
    return blob;
  };
  const wrong = [
    changed((blob) => blob.writeUInt32LE(4, 4)),
    changed((blob) => blob.writeUInt32LE(2 ** 32 - 1, 4)),
    changed((blob) => blob.writeUInt32LE(2 ** 32 - 1, 8)),
    changed((blob) => blob.writeBigUInt64LE(2n ** 64n - 1n, 12)),
    changed((blob) => blob.writeBigUInt64LE(2n ** 53n, 12)),
  ];
  for (const blob of wrong) {
    assert.throws(() => decodeBlob(blob), { code: 'STATE_REJECTED', message: /in the middle of an entry/ });
  }
});
