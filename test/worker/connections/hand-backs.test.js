import assert from 'node:assert/strict';
import { test } from 'node:test';
import { HandBacks } from '../../../dist/worker/connections/hand-backs.js';

test('two at a time are in the channel; each is closed when it is there, and all are waited for', async () => {
  const underWay = [];
  const closed = [];
  let most = 0;
  const handBacks = new HandBacks(({ listener }) => {
    const sending = new Promise((resolve) => underWay.push({ listener, resolve }));
    most = Math.max(most, underWay.length);
    return sending;
  });
  await handBacks.flushed();
  for (let listener = 1; listener <= 5; listener++) {
    handBacks.add({ listener, handle: { close: () => closed.push(listener) }, isIdle: true });
  }
  let isFlushed = false;
  const flushed = handBacks.flushed().then(() => (isFlushed = true));
  for (let sent = 1; sent <= 5; sent++) {
    const { listener, resolve } = underWay.shift();
    assert.equal(listener, sent);
    assert.equal(isFlushed, false);
    resolve();
    await new Promise(setImmediate);
  }
  await flushed;
  assert.equal(most, 2);
  assert.deepEqual(closed, [1, 2, 3, 4, 5]);
});

test('one that is being prepared is waited for, or given up when nothing has come of it', async () => {
  const sent = [];
  const handBacks = new HandBacks(async ({ listener }) => void sent.push(listener));
  const connection = (listener) => ({ listener, handle: { close() {} }, isIdle: true });
  const prepared = Array.from({ length: 3 }, () => {
    const preparing = {};
    preparing.done = new Promise((resolve) => (preparing.resolve = resolve));
    handBacks.add(preparing.done);
    return preparing;
  });
  handBacks.add(connection(4));
  let isFlushed = false;
  const flushed = handBacks.flushed().then(() => (isFlushed = true));
  prepared[2].resolve(connection(3));
  prepared[1].resolve(undefined);
  await new Promise(setImmediate);
  assert.deepEqual(sent, [3, 4]);
  assert.equal(isFlushed, false);
  prepared[0].resolve(connection(1));
  await flushed;
  assert.deepEqual(sent, [3, 4, 1]);
});
