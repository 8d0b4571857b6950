import { setTimeout as delay } from 'node:timers/promises';
import { request } from './clients.js';

/** A save whose code has not answered after this time, in milliseconds, was missed. */
const LONGEST_POLL = 3000;
const MOST_REQUESTS = 100_000;
/** Requests after the first answer of the new code that count still. */
const AFTER = 20;

/**
 * Saves while one client sends requests on new connections, each as soon as the one before has ended. Resolves with
 * the time from the save to the first answer of the new code (undefined: there was none), and the requests that ended
 * between the save and a little after that.
 */
export async function pollThroughSave(project) {
  let save;
  const poll = { newCodeMs: undefined, requests: 0, failed: 0, outdated: 0 };
  const saving = delay(50).then(async () => (save = await project.save()));
  const deadline = performance.now() + LONGEST_POLL;
  for (let left = AFTER; left > 0 && poll.requests < MOST_REQUESTS && performance.now() < deadline;) {
    const isAfter = poll.newCodeMs !== undefined;
    const answer = await request(project.port).catch(() => undefined);
    // One that was sent before the save may end after it: it has met the restart, too.
    if (!save) continue;
    poll.requests++;
    if (!answer) poll.failed++;
    else if (answer.version === save.version) poll.newCodeMs ??= performance.now() - save.savedAt;
    else if (isAfter) poll.outdated++;
    if (isAfter) left--;
  }
  await saving;
  return poll;
}

/** Resolves with the answer of a server as soon as it gives one. */
export async function untilAnswered(port, timeout = 20_000) {
  const deadline = performance.now() + timeout;
  for (;;) {
    const answer = await request(port).catch(() => undefined);
    if (answer) return answer;
    if (performance.now() > deadline) throw new Error(`nothing answered on port ${port} within ${timeout} ms`);
    await delay(1);
  }
}
