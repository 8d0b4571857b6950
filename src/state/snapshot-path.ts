import { createHash } from 'node:crypto';
import { lstatSync, mkdirSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { HandoverError } from '../errors.ts';
import { cacheFolder } from './cache-folder.ts';

/**
 * Where the state of an app is kept when it is not said where: in the cache folder of its package, else in a folder
 * of this user's among the temporary files. Named after the entry, so that each app of a project has its own.
 */
export function defaultSnapshotPath(entry: string): string {
  const file = path.resolve(entry);
  const digest = createHash('sha256').update(file).digest('hex').slice(0, 8);
  const name = `${path.parse(file).name}-${digest}.snapshot`;
  return path.join(cacheFolder(file) ?? temporaryFolder(), name);
}

/** Anybody may make folders there: one with our name has to be ours, and closed to others. */
function temporaryFolder(): string {
  const folder = path.join(os.tmpdir(), `handover-${process.getuid?.() ?? 'user'}`);
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const stats = lstatSync(folder);
  const isOurs = !process.getuid || (stats.uid === process.getuid() && (stats.mode & 0o077) === 0);
  if (stats.isDirectory() && isOurs) return folder;
  throw new HandoverError(
    'SNAPSHOT_UNWRITABLE',
    `the folder ${folder} is not this user's own, or is open to others; remove it, pass --snapshot <file>, or --no-snapshot`,
  );
}
