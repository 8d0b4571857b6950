import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Settle } from '../../dist/watch/settle.js';

test('the first change after quiet is acted on at once', () => {
  const settle = new Settle();
  assert.equal(settle.next(['a'], 5000), 0);
  assert.equal(settle.next(['a'], 9000), 0);
});

test('a stream of changes of more than two files widens the wait, at most to 300 ms', () => {
  const settle = new Settle();
  const waits = [0, 100, 200, 300, 400, 500, 600, 700].map((now) => settle.next([`file ${now}`], now));
  assert.deepEqual(waits, [0, 0, 20, 40, 80, 160, 300, 300]);
});

test('a quiet second closes the window again', () => {
  const settle = new Settle();
  for (const now of [0, 10, 20]) settle.next(['a', 'b', 'c'], now);
  assert.equal(settle.next(['a'], 1020), 0);
  assert.equal(settle.next(['b', 'c', 'd'], 1030), 20);
});

test('changes with pauses between them neither widen nor close the window', () => {
  const settle = new Settle();
  assert.deepEqual(
    [0, 500, 1000].map((now) => settle.next([`file ${now}`], now)),
    [0, 0, 0],
  );
  assert.equal(settle.next(['d'], 1100), 20);
  assert.equal(settle.next(['d'], 1600), 20);
});

test('without a time the clock is asked', () => {
  let now = 0;
  const settle = new Settle({ clock: () => now });
  assert.equal(settle.next(['a', 'b', 'c']), 0);
  now = 100;
  assert.equal(settle.next(['a']), 20);
});

test('the same file saved again and again is a person who wants the last save at once', () => {
  const settle = new Settle();
  assert.deepEqual(
    [0, 100, 200, 300].map((now) => settle.next(['a'], now)),
    [0, 0, 0, 0],
  );
  assert.equal(settle.next(['b'], 400), 0);
  assert.equal(settle.next(['c'], 500), 20);
});
