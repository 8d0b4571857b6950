import assert from 'node:assert/strict';
import { test } from 'node:test';
import { closestName } from '../../dist/options/suggestion.js';

const NAMES = ['watch', 'ignore', 'restartDelay', 'holdTimeout', 'killTimeout', 'standby'];

test('a name with a swap, a missing or a wrong letter is recognized', () => {
  assert.equal(closestName('wtach', NAMES), 'watch');
  assert.equal(closestName('wach', NAMES), 'watch');
  assert.equal(closestName('ignores', NAMES), 'ignore');
  assert.equal(closestName('--restart_delay', NAMES), 'restartDelay');
  assert.equal(closestName('hodlTimeout', NAMES), 'holdTimeout');
});

test('a name that is like none has no suggestion', () => {
  for (const name of ['port', 'x', '', 'verbose']) assert.equal(closestName(name, NAMES), undefined);
});
