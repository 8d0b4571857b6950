import assert from 'node:assert/strict';
import { test } from 'node:test';
import { PhaseClock } from '../../dist/primary/phase-clock.js';

/** What the primary has waited for, in milliseconds. */
function clockOf(waited) {
  const clock = new PhaseClock();
  for (const [name, ms] of Object.entries(waited)) clock.note(name, ms);
  return clock;
}

/** The phases as an object, which must add up to the whole. */
function phasesOf(clock, own, captureAt, totalMs) {
  const phases = clock.phases(own, captureAt, totalMs);
  assert.equal(
    phases.reduce((sum, { ms }) => sum + ms, 0),
    totalMs,
  );
  return Object.fromEntries(phases.map(({ name, ms }) => [name, ms]));
}

test('the next generation waits for the state while the old one makes it: counted once', () => {
  const clock = clockOf({ detect: 1, wait: 2, quiesce: 3, capture: 4 });
  const phases = phasesOf(clock, { load: 5, restore: 10, start: 6 }, 'need', 30);
  assert.deepEqual(phases, { detect: 1, wait: 2, load: 5, quiesce: 3, capture: 4, restore: 3, start: 6, commit: 6 });
});

test('a busy primary knows late of a state that the next generation has long had: the parts are still the whole', () => {
  const clock = clockOf({ wait: 2, quiesce: 3, capture: 20 });
  const phases = phasesOf(clock, { load: 5, restore: 10, start: 6 }, 'need', 30);
  assert.deepEqual(phases, { wait: 2, load: 5, quiesce: 3, capture: 7, restore: 0, start: 6, commit: 7 });
  const later = phasesOf(clockOf({ quiesce: 30, capture: 0 }), { load: 5, restore: 10, start: 6 }, 'need', 40);
  assert.deepEqual(later, { load: 5, quiesce: 10, capture: 0, restore: 0, start: 6, commit: 19 });
});

test('a state that is taken before the app is loaded is waited for apart', () => {
  const clock = clockOf({ wait: 2, quiesce: 3, capture: 4 });
  const phases = phasesOf(clock, { load: 5, restore: 1, start: 6 }, 'load', 30);
  assert.deepEqual(phases, { wait: 2, quiesce: 3, capture: 4, load: 5, restore: 1, start: 6, commit: 9 });
});
