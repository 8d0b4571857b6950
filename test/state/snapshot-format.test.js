import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decodeSnapshot } from '../../dist/state/snapshot-format.js';
import { snapshotOf as encodeSnapshot } from '../helpers/state.js';

const META = { generation: 14, run: 'run-1', appVersion: '1.2.3' };
const SAVED_AT = new Date(1_700_000_000_123);
const BLOB = Buffer.from('the state');

const snapshotOf = (blob, meta = META) => encodeSnapshot(blob, meta, SAVED_AT);

test('a snapshot comes back with its state and what it says about itself', () => {
  for (const blob of [BLOB, Buffer.alloc(0), Buffer.alloc(100_000, 7)]) {
    assert.deepEqual(decodeSnapshot(snapshotOf(blob)), { ...META, savedAt: SAVED_AT, blob });
  }
  const meta = { generation: 0, run: '', appVersion: 'ü "1"' };
  assert.deepEqual(decodeSnapshot(snapshotOf(BLOB, meta)), { ...meta, savedAt: SAVED_AT, blob: BLOB });
});

test('every length but the right one is told', () => {
  const whole = snapshotOf(BLOB);
  for (let length = 0; length < whole.length; length++) {
    assert.match(
      decodeSnapshot(whole.subarray(0, length)),
      /^it (has \d+ bytes, too few|should have \d+ bytes and has)/,
    );
  }
  assert.match(decodeSnapshot(Buffer.concat([whole, Buffer.alloc(1)])), /not written to its end/);
});

test('every bit that has changed is told', () => {
  const whole = snapshotOf(BLOB);
  for (let bit = 0; bit < whole.length * 8; bit++) {
    const changed = Buffer.from(whole);
    changed[bit >> 3] ^= 1 << (bit & 7);
    assert.equal(typeof decodeSnapshot(changed), 'string', `bit ${bit}`);
  }
});

test('each kind of damage has its own reason', () => {
  const changed = (change) => {
    const bytes = snapshotOf(BLOB);
    change(bytes);
    return decodeSnapshot(bytes);
  };
  assert.equal(decodeSnapshot(Buffer.alloc(0)), 'it has 0 bytes, too few for a snapshot');
  assert.equal(
    changed((bytes) => bytes.write('OTHERAPP')),
    'it is no snapshot: its first bytes are others',
  );
  assert.equal(
    changed((bytes) => bytes.writeUInt32LE(1, 8)),
    'it has format 1, and this version of handover reads format 2',
  );
  assert.equal(
    changed((bytes) => bytes.write('THE', bytes.length - BLOB.length)),
    'its checksum is wrong: it was changed after it was written',
  );
  assert.match(
    changed((bytes) => bytes.writeBigUInt64LE(2n ** 64n - 1n, 16)),
    /^it should have \d+ bytes/,
  );
});
