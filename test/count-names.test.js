import assert from 'node:assert/strict';
import { test } from 'node:test';
import { countNames } from '../dist/count-names.js';

test('a name that comes again is counted', () => {
  assert.deepEqual(countNames(['GET /a', 'GET /b', 'GET /a']), ['GET /a (2)', 'GET /b']);
  assert.deepEqual(countNames([]), []);
});

test('of many the first ones are named, and never one more', () => {
  assert.deepEqual(countNames(['a', 'b', 'c', 'd'], 2), ['a', 'b', '2 more']);
  assert.deepEqual(countNames(['a', 'b', 'c'], 2), ['a', 'b', 'c']);
});
