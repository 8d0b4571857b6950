import { setTimeout as delay } from 'node:timers/promises';
import { request } from './clients.js';

/** Bounds of one poll. */
const LONGEST_POLL = 20_000;
const MOST_REQUESTS = 100_000;

/**
 * Saves while one client sends requests on new connections, each as soon as the one before has ended. Resolves with
 * the time from the save to the first answer of the new code, and the requests from the save on until a little
 * after it.
 */
export async function pollThroughSave(project, { after = 20 } = {}) {
  let save;
  let newCodeMs;
  let requests = 0;
  let failed = 0;
  let left = after;
  const deadline = performance.now() + LONGEST_POLL;
  const send = async () => {
    const began = performance.now();
    const answer = await request(project.port).catch(() => undefined);
    // One that was sent before the save may end after it: it has met the restart, too.
    if (!save) return;
    requests++;
    if (!answer) failed++;
    if (answer?.version === save.version) newCodeMs ??= performance.now() - save.savedAt;
    else if (newCodeMs !== undefined && answer && began > save.savedAt + newCodeMs)
      throw new Error('old code answered after the new');
    if (newCodeMs !== undefined) left--;
  };
  const polling = (async () => {
    while (left > 0) {
      if (performance.now() > deadline || requests > MOST_REQUESTS)
        throw new Error(`no answer of the new code, ${failed} of ${requests} requests failed`);
      await send();
    }
  })();
  const saving = delay(50).then(async () => (save = await project.save()));
  await Promise.all([polling, saving]);
  return { newCodeMs, requests, failed };
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
