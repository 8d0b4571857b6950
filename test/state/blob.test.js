import assert from 'node:assert/strict';
import { test } from 'node:test';
import { BlobReader, BlobWriter, decodeBlob } from '../../dist/state/blob.js';
import { blobOf } from '../helpers/state.js';

const part = (kind, content) => ({ kind, bytes: Buffer.from(content) });
const ENTRIES = [
  { key: 'sessions', version: 1, isPlain: true, parts: [part(2, 'some bytes'), part(255, ''), part(0, 'x')] },
  { key: 'ümläut 😀', version: 2 ** 32 - 1, isPlain: false, parts: [] },
  { key: '', version: 0, isPlain: true, parts: [part(1, [0, 255])] },
  { key: '__proto__', version: 7, isPlain: false, parts: [part(3, Buffer.alloc(70_000, 1)), part(3, 'end')] },
];

const small = blobOf(ENTRIES.slice(0, 3));

test('entries come back with their keys, versions and parts, in order', () => {
  assert.deepEqual([...decodeBlob(blobOf(ENTRIES)).values()], ENTRIES);
});

test('a blob may have no entries', () => {
  assert.equal(decodeBlob(blobOf([])).size, 0);
});

test('in whatever pieces it arrives, each part is told once, as soon as it is there', () => {
  const blob = blobOf(ENTRIES);
  for (const length of [1, 2, 3, 7, 64, 1000, 65_536]) {
    const seen = [];
    const reader = new BlobReader(({ key }, { kind, bytes }) => {
      seen.push([key, kind, bytes.length]);
      return false;
    });
    for (let at = 0; at < blob.length; at += length) {
      reader.feed(blob.subarray(at, at + length));
      if (at + length === 65_536) assert.equal(seen.at(-1)[0], '');
    }
    assert.deepEqual([...reader.end().values()], ENTRIES);
    assert.deepEqual(
      seen,
      ENTRIES.flatMap(({ key, parts }) => parts.map(({ kind, bytes }) => [key, kind, bytes.length])),
    );
  }
});

test('an entry that could not be written to its end is dropped, and the others are not', () => {
  const pieces = [];
  const writer = new BlobWriter((bytes) => pieces.push(Buffer.from(bytes)));
  for (const key of ['a', 'b', 'c']) {
    writer.entry({ key, version: 1, isPlain: true }, (part) => {
      part(0, Buffer.from(key));
      return key !== 'b';
    });
  }
  writer.end();
  assert.deepEqual([...decodeBlob(Buffer.concat(pieces)).keys()], ['a', 'c']);
});

test('nothing large is copied, neither in nor out', () => {
  const bytes = Buffer.alloc(1000, 'x');
  const pieces = [];
  new BlobWriter((piece) => pieces.push(piece)).entry({ key: 'a', version: 1, isPlain: true }, (part) =>
    part(0, bytes),
  );
  assert.ok(pieces.includes(bytes));
  const blob = blobOf([{ key: 'a', version: 1, isPlain: true, parts: [{ kind: 0, bytes }] }]);
  assert.equal(decodeBlob(blob).get('a').parts[0].bytes.buffer, blob.buffer);
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
    changed((blob) => blob.writeUInt32LE(2 ** 32 - 2, 4)),
    changed((blob) => blob.writeUInt32LE(1000, 4)),
    changed((blob) => blob.writeUInt32LE(2 ** 32 - 3, 21)),
    changed((blob) => blob.writeUInt32LE(1000, 21)),
  ];
  for (const blob of wrong) {
    assert.throws(() => decodeBlob(blob), { code: 'STATE_REJECTED', message: /in the middle of an entry/ });
  }
  const miscounted = changed((blob) => blob.writeUInt32LE(4, blob.length - 5));
  assert.throws(() => decodeBlob(miscounted), { code: 'STATE_REJECTED', message: /has 3 entries and says 4/ });
});
