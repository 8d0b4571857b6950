import { setTimeout as delay } from 'node:timers/promises';
import { cpuTimeOf, descendantsOf } from './proc.js';

const STEP = 100;
/** A process tree that uses less than this part of a processor is at rest. */
const QUIET_SHARE = 0.05;
const QUIET_STEPS = 3;

/**
 * Resolves when a process and those below it have nothing more to do: a server has started, a standby is warm, an old
 * generation has ended. Whatever the tool, so that each one is measured at its rest. `except` tells the pids of those that
 * don't count.
 */
export async function untilAtRest(pid, timeout = 20_000, except = () => new Set()) {
  const deadline = performance.now() + timeout;
  let before = new Map();
  for (let quiet = 0; quiet < QUIET_STEPS && performance.now() < deadline;) {
    const left = except();
    const counted = [pid, ...descendantsOf(pid)].filter((one) => !left.has(one));
    const now = new Map(counted.map((one) => [one, cpuTimeOf(one)]));
    let used = 0;
    // One that has just been started has used all of its time since.
    for (const [one, time] of now) used += time - (before.get(one) ?? 0) || 0;
    quiet = used < STEP * QUIET_SHARE ? quiet + 1 : 0;
    before = now;
    await delay(STEP);
  }
}
