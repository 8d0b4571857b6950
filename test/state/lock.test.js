import assert from 'node:assert/strict';
import { mkdir, readdir, rm, utimes, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { test } from 'node:test';
import { withLock } from '../../dist/state/lock.js';
import { hurried, lockedByAnother, temporaryFolder } from './folder.js';

async function setUp(t) {
  const folder = await temporaryFolder(t);
  const file = path.join(folder, 'app.snapshot');
  return { folder, file, lockFolder: `${file}.lock`, names: () => readdir(folder) };
}

test('it answers what the callback answers, and leaves nothing behind', async (t) => {
  const { file, names } = await setUp(t);
  const answer = await withLock(file, async () => {
    assert.deepEqual(await names(), ['app.snapshot.lock']);
    return 5;
  });
  assert.equal(answer, 5);
  assert.deepEqual(await names(), []);
});

test('a callback that rejects lets go of the lock', async (t) => {
  const { file, names } = await setUp(t);
  const failure = new Error('failed');
  await assert.rejects(
    withLock(file, () => Promise.reject(failure)),
    (error) => error === failure,
  );
  assert.deepEqual(await names(), []);
  assert.equal(await withLock(file, async () => 'next'), 'next');
});

test('one callback runs after the other', async (t) => {
  const { file } = await setUp(t);
  const order = [];
  const first = new Promise((resolve) => {
    void withLock(file, async () => {
      order.push('first begins');
      resolve(undefined);
      for (let turn = 0; turn < 20; turn++) await new Promise(setImmediate);
      order.push('first ends');
    });
  });
  await first;
  await withLock(file, async () => order.push('second'));
  assert.deepEqual(order, ['first begins', 'first ends', 'second']);
});

test('a folder that is missing is made', async (t) => {
  const { folder, names } = await setUp(t);
  assert.equal(await withLock(path.join(folder, 'a', 'b', 'file'), async () => 1), 1);
  assert.deepEqual(await names(), ['a']);
});

test('the lock of a holder that was killed is broken when it is stale', async (t) => {
  const { file, lockFolder, names } = await setUp(t);
  await mkdir(lockFolder);
  await utimes(lockFolder, 1, 1);
  assert.equal(await withLock(file, async () => 1), 1);
  assert.deepEqual(await names(), []);
});

test('a vital callback runs without a lock that another one holds, and leaves that alone', async (t) => {
  const { file, names } = await setUp(t);
  await lockedByAnother(file);
  assert.equal(await withLock(file, async () => 'saved', { isVital: true }), 'saved');
  assert.deepEqual(await names(), ['app.snapshot.lock']);
});

test('without a lock to be had a callback does not run', async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const { file } = await setUp(t);
  await lockedByAnother(file);
  const callback = t.mock.fn(async () => {});
  await assert.rejects(hurried(t, withLock(file, callback)), { code: 'ELOCKED' });
  assert.equal(callback.mock.callCount(), 0);
});

test('a lock that was taken away meanwhile disturbs nothing', async (t) => {
  const { file, lockFolder } = await setUp(t);
  const answer = await withLock(file, async () => {
    await rm(lockFolder, { recursive: true });
    return 'done';
  });
  assert.equal(answer, 'done');
});

test('a folder that cannot be made is an error, also for a vital callback', async (t) => {
  const { folder } = await setUp(t);
  await writeFile(path.join(folder, 'file'), '');
  for (const isVital of [false, true]) {
    await assert.rejects(
      withLock(path.join(folder, 'file', 'app'), async () => {}, { isVital }),
      { code: /ENOTDIR|EEXIST/ },
    );
  }
});
