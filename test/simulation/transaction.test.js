import assert from 'node:assert/strict';
import { once } from 'node:events';
import { test } from 'node:test';
import { Worker } from 'node:worker_threads';

/** How many schedules are explored. SEED: the first, to see one again. */
const SCHEDULES = Number(process.env.SCHEDULES ?? 1000);
const FIRST = Number(process.env.SEED ?? 1);

test(`guarantee 3: ${SCHEDULES} schedules of restarts with failures at any time`, async () => {
  // The runner follows every promise of a test, and there are thousands in a schedule: not in a thread of its own.
  const schedules = new Worker(new URL('explore.js', import.meta.url), {
    workerData: { first: FIRST, count: SCHEDULES },
  });
  const [code] = await once(schedules, 'exit');
  // One that waits for ever ends the thread, too, and no error tells of it.
  assert.equal(code, 0);
});
