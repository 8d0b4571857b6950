import { existsSync } from 'node:fs';
import path from 'node:path';

/** The folder for what is kept of an app, in the cache of its package; undefined: it belongs to none. */
export function cacheFolder(entry: string): string | undefined {
  for (let folder = path.dirname(path.resolve(entry)); ; folder = path.dirname(folder)) {
    if (existsSync(path.join(folder, 'package.json'))) return path.join(folder, 'node_modules', '.cache', 'handover');
    if (path.dirname(folder) === folder) return undefined;
  }
}
