import { test } from 'node:test';
import { runSchedule } from './schedule.js';

/** How many schedules are explored. SEED: the first, to see one again. */
const SCHEDULES = Number(process.env.SCHEDULES ?? 1000);
const FIRST = Number(process.env.SEED ?? 1);

test(`guarantee 3: ${SCHEDULES} schedules of restarts with failures at any time`, async () => {
  for (let seed = FIRST; seed < FIRST + SCHEDULES; seed++) {
    try {
      await runSchedule(seed);
    } catch (error) {
      error.message = `SEED=${seed} SCHEDULES=1: ${error.message}`;
      throw error;
    }
  }
});
