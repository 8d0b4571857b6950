import { setTimeout as delay } from 'node:timers/promises';
import { request } from './clients.js';

/** From one request to the next, in milliseconds: a client that never rests would take from the tool what it measures. */
const PAUSE = 1;

/**
 * Saves and asks until the new code answers, on new connections. Resolves with the time from the save to that answer
 * (undefined: there was none within `longest` ms), and the requests until then.
 */
export async function untilNewCode(project, longest = 5000) {
  const { savedAt, version } = await project.save();
  const result = { newCodeMs: undefined, requests: 0, failed: 0 };
  while (result.newCodeMs === undefined && performance.now() - savedAt < longest) {
    const answer = await request(project.port).catch(() => undefined);
    result.requests++;
    if (!answer) result.failed++;
    else if (answer.version === version) result.newCodeMs = performance.now() - savedAt;
    await delay(PAUSE);
  }
  return result;
}
