import { mkdir, mkdtemp, realpath, rm, utimes } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';

/** An empty temporary folder, removed after the test. */
export async function temporaryFolder(t) {
  const folder = await realpath(await mkdtemp(path.join(os.tmpdir(), 'handover-state-')));
  t.after(() => rm(folder, { recursive: true, force: true, maxRetries: 3 }));
  return folder;
}

/** Lets the waits between tries pass at once, until the promise has settled: the clock of the test has to be mocked. */
export async function hurried(t, promise) {
  const yes = () => true;
  const settled = promise.then(yes, yes);
  const turn = () => new Promise((resolve) => setImmediate(resolve, false));
  while (!(await Promise.race([settled, turn()]))) t.mock.timers.tick(50);
  return promise;
}

/** The lock that another process holds on a file, and that will not go stale. */
export async function lockedByAnother(file) {
  const future = new Date(Date.now() + 3_600_000);
  await mkdir(`${file}.lock`);
  await utimes(`${file}.lock`, future, future);
}
