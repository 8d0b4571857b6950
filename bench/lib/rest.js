import { setTimeout as delay } from 'node:timers/promises';
import { cpuTimeOf, descendantsOf } from './proc.js';

/** A tool whose processes use less of a processor than this is at rest. */
const REST_SHARE = 0.1;
const INTERVAL = 150;
/** A tool that isn't at rest after this time, in milliseconds, is one that never is. */
const LONGEST_WAIT = 5000;

/** Which share of one processor a process and those below it use, over a time in milliseconds. */
export async function shareOfProcessor(pid, time) {
  const before = new Map([pid, ...descendantsOf(pid)].map((each) => [each, cpuTimeOf(each)]));
  await delay(time);
  // One that has come since counts from its start; of one that has ended, nothing is known.
  const used = [pid, ...descendantsOf(pid)].map((each) => (cpuTimeOf(each) || 0) - (before.get(each) ?? 0));
  return used.reduce((sum, each) => sum + Math.max(0, each), 0) / time;
}

/** Resolves when a process and those below it have come to rest, after `least` milliseconds or more. */
export async function untilAtRest(pid, least) {
  const deadline = performance.now() + LONGEST_WAIT;
  await delay(least);
  while (performance.now() < deadline && (await shareOfProcessor(pid, INTERVAL)) > REST_SHARE);
}
