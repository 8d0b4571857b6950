import { existsSync } from 'node:fs';
import path from 'node:path';
import { foldersAbove } from '../folders-above.ts';

/** The folder for what is kept of an app, in the cache of its package; undefined: it belongs to none. */
export function cacheFolder(entry: string): string | undefined {
  const folders = foldersAbove(path.dirname(path.resolve(entry)));
  const folder = folders.find((one) => existsSync(path.join(one, 'package.json')));
  return folder && path.join(folder, 'node_modules', '.cache', 'handover');
}
