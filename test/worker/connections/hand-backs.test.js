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
