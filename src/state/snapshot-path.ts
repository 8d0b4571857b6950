import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';

/**
 * Where the state of an app is kept when it is not said where: in the cache folder of its package, else in a folder
 * of this user's among the temporary files. Named after the entry, so that each app of a project has its own.
 */
export function defaultSnapshotPath(entry: string): string {
  const file = path.resolve(entry);
  const digest = createHash('sha256').update(file).digest('hex').slice(0, 8);
  const name = `${path.parse(file).name}-${digest}.snapshot`;
  for (let folder = path.dirname(file); ; folder = path.dirname(folder)) {
    if (existsSync(path.join(folder, 'package.json')))
      return path.join(folder, 'node_modules', '.cache', 'handover', name);
    if (path.dirname(folder) === folder) return path.join(os.tmpdir(), `handover-${os.userInfo().username}`, name);
  }
}
