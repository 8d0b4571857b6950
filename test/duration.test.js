import assert from 'node:assert/strict';
import { test } from 'node:test';
import { toMilliseconds } from '../dist/duration.js';

const LONGEST = 2 ** 31 - 1;

test('a number is milliseconds', () => {
  for (const value of [0, 1, 0.5, 500, LONGEST]) assert.equal(toMilliseconds(value, 'timeout'), value);
});

test('a text is what ms reads', () => {
  const durations = {
    '500ms': 500,
    '8s': 8000,
    '1.5s': 1500,
    '2 minutes': 120_000,
    '1h': 3_600_000,
    '24d': 2_073_600_000,
  };
  for (const [text, milliseconds] of Object.entries(durations)) {
    assert.equal(toMilliseconds(text, 'timeout'), milliseconds);
  }
  assert.equal(toMilliseconds('500', 'timeout'), 500);
  assert.equal(toMilliseconds('0', 'timeout'), 0);
});

test('all else is refused with the name of the option and the value', () => {
  const wrong = [
    ...['', ' ', 'soon', '8 sec.', '-1s', '25 days', '1y', 's', 'x'.repeat(101)],
    ...[-1, LONGEST + 1, NaN, Infinity, -Infinity, null, undefined, true, {}, [], [5], () => {}, Symbol('s')],
  ];
  for (const value of wrong) {
    const got = JSON.stringify(value) ?? String(value);
    assert.throws(() => toMilliseconds(value, 'drainTimeout'), {
      code: 'INVALID_OPTION',
      message: `drainTimeout: expected a duration such as 500, "500ms" or "8s", at most 24 days, got ${got}`,
    });
  }
});
