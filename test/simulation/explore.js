// A thread that runs schedules, and ends with the error of the first that fails.
import { workerData } from 'node:worker_threads';
import { runSchedule } from './schedule.js';

const { first, count } = workerData;
for (let seed = first; seed < first + count; seed++) {
  try {
    await runSchedule(seed);
  } catch (error) {
    error.message = `SEED=${seed} SCHEDULES=1: ${error.message}`;
    throw error;
  }
}
