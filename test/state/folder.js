import { mkdtemp, realpath, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';

/** An empty temporary folder, removed after the test. */
export async function temporaryFolder(t) {
  const folder = await realpath(await mkdtemp(path.join(os.tmpdir(), 'handover-state-')));
  t.after(() => rm(folder, { recursive: true, force: true, maxRetries: 3 }));
  return folder;
}
