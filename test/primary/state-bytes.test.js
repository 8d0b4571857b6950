import assert from 'node:assert/strict';
import { test } from 'node:test';
import { StateArrival } from '../../dist/primary/state-arrival.js';
import { StateBytes } from '../../dist/primary/state-bytes.js';

const bytes = (length, seed) => Buffer.from(Uint8Array.from({ length }, (_, index) => index * seed));

function stateOf(content, pieceLength = 65_536) {
  const state = new StateBytes();
  for (let at = 0; at < content.length; at += pieceLength) state.append(content.subarray(at, at + pieceLength));
  return state;
}

/** A next generation's pipe. */
class Pipe {
  written = [];
  sent = Promise.withResolvers ? Promise.withResolvers() : withResolvers();

  write(piece) {
    this.written.push(piece);
  }

  end() {
    this.last = 'end';
    return this.sent.promise;
  }

  abort() {
    this.last = 'abort';
    return this.sent.promise;
  }
}

function withResolvers() {
  const result = {};
  result.promise = new Promise((resolve) => (result.resolve = resolve));
  return result;
}

test('it holds what it was given, in pages', () => {
  for (const length of [0, 1, 262_143, 262_144, 262_145, 3_000_000]) {
    const content = bytes(length, 31);
    const state = stateOf(content);
    assert.equal(state.length, length);
    assert.ok(state.toBuffer().equals(content));
    assert.ok(Buffer.concat(state.parts).equals(content));
    state.release();
  }
});

test('it is a copy', () => {
  const content = bytes(1000, 7);
  const state = stateOf(content);
  content.fill(0);
  assert.ok(state.toBuffer().equals(bytes(1000, 7)));
  state.release();
});

test('states are compared by their bytes', () => {
  const one = stateOf(bytes(600_000, 3));
  assert.ok(one.equals(stateOf(bytes(600_000, 3), 999)));
  assert.ok(!one.equals(stateOf(bytes(600_000, 5))));
  assert.ok(!one.equals(stateOf(bytes(599_999, 3))));
});

test('its memory is used again once nobody holds it, and not before', () => {
  const first = stateOf(bytes(1_000_000, 3));
  const pages = new Set(first.parts.map(({ buffer }) => buffer));
  first.hold();
  first.release();
  const second = stateOf(bytes(1_000_000, 5));
  assert.ok(second.parts.every(({ buffer }) => !pages.has(buffer)));
  assert.ok(first.toBuffer().equals(bytes(1_000_000, 3)));
  first.release();
  assert.equal(first.length, 0);
  const third = stateOf(bytes(1_000_000, 7));
  assert.ok(third.parts.every(({ buffer }) => pages.has(buffer)));
  assert.ok(second.toBuffer().equals(bytes(1_000_000, 5)));
  assert.ok(third.toBuffer().equals(bytes(1_000_000, 7)));
});

test('holding it after its end, and releasing it twice, are errors', () => {
  const state = stateOf(bytes(10, 1));
  state.release();
  assert.throws(() => state.hold(), /held after its last holder/);
  assert.throws(() => state.release(), /released twice/);
});

test('what arrives is kept and passed on, whole, and held until that is written', async () => {
  const sending = new Pipe();
  const arrival = new StateArrival({ forward: sending });
  const content = bytes(1_000_000, 11);
  for (let at = 0; at < content.length; at += 10_000) arrival.write(content.subarray(at, at + 10_000));
  assert.ok(sending.written.length > 0, 'before the end');
  arrival.end();
  assert.deepEqual([sending.last, arrival.isForwarded], ['end', true]);
  assert.ok(Buffer.concat(sending.written).equals(content));
  arrival.state.release();
  assert.equal(arrival.state.length, 1_000_000);
  sending.sent.resolve();
  await sending.sent.promise;
  assert.equal(arrival.state.length, 0);
});

test('when the rest will not come, that is passed on, too', () => {
  const sending = new Pipe();
  const arrival = new StateArrival({ forward: sending });
  arrival.write(bytes(300_000, 1));
  arrival.abort();
  assert.equal(sending.last, 'abort');
});

test('one that was not asked for is told once it is whole, and released unless somebody holds it', () => {
  for (const isHeld of [true, false]) {
    let told;
    const arrival = new StateArrival({ onEnd: (state) => (told = isHeld ? state.hold() : state) });
    arrival.write(bytes(1000, 3));
    assert.equal(told, undefined);
    arrival.end();
    assert.equal(told.length, isHeld ? 1000 : 0);
  }
});
