import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CrashLoop } from '../../dist/primary/crash-loop.js';

const crashes = (times, loop = new CrashLoop()) => times.map((time) => loop.isLooping(time));

test('the third crash within 10 seconds is a loop', () => {
  assert.deepEqual(crashes([0, 1, 2]), [false, false, true]);
  assert.deepEqual(crashes([5000, 5000, 14_999]), [false, false, true]);
});

test('it stays one while crashes follow', () => {
  assert.deepEqual(crashes([0, 1, 2, 3, 4]), [false, false, true, true, true]);
});

test('a crash now and then is none', () => {
  assert.deepEqual(crashes([0, 5000, 10_000, 15_000, 20_000]), [false, false, false, false, false]);
});

test('only the last 10 seconds count', () => {
  assert.deepEqual(crashes([0, 9000, 10_500, 11_000]), [false, false, false, true]);
});

test('after a change of the code it starts anew', () => {
  const loop = new CrashLoop();
  assert.deepEqual(crashes([0, 1, 2], loop), [false, false, true]);
  loop.reset();
  assert.deepEqual(crashes([3, 4, 5], loop), [false, false, true]);
});
