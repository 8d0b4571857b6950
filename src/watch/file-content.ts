import { createHash } from 'node:crypto';
import { lstat, readFile, readlink, realpath, stat } from 'node:fs/promises';
import path from 'node:path';

/** Larger files are compared by their signature only. */
export const LARGEST_HASHED: number = 16 * 1024 * 1024;

/** What tells two contents of a file apart without reading it. */
export interface Signature {
  mtimeMs: number;
  size: number;
  ino: number;
}

/** A regular file, as it is at this moment. */
export interface PresentFile {
  signature: Signature;
  /** Milliseconds since the epoch of the last write, rename or change of mode. */
  touchedAt: number;
}

export interface FileLook {
  /** undefined: there is no such file. */
  file: PresentFile | undefined;
  /** Where a symbolic link leads, whether or not something is there. */
  linkTarget: string | undefined;
}

export async function lookAt(name: string): Promise<FileLook> {
  let stats;
  let linkTarget;
  try {
    stats = await lstat(name);
    if (stats.isSymbolicLink()) {
      linkTarget = await targetOf(name);
      stats = await stat(name);
    }
  } catch {
    return { file: undefined, linkTarget };
  }
  if (!stats.isFile()) return { file: undefined, linkTarget };
  const { mtimeMs, ctimeMs, size, ino } = stats;
  return { file: { signature: { mtimeMs, size, ino }, touchedAt: Math.max(mtimeMs, ctimeMs) }, linkTarget };
}

/** Where a symbolic link leads; for a dangling one where its target would be. */
export async function targetOf(link: string): Promise<string | undefined> {
  try {
    return await realpath(link);
  } catch {
    return readlink(link).then(
      (target) => path.resolve(path.dirname(link), target),
      () => undefined,
    );
  }
}

export function isSameSignature(one: Signature, other: Signature): boolean {
  return one.mtimeMs === other.mtimeMs && one.size === other.size && one.ino === other.ino;
}

/** The hash and the size of a file; 'gone' when it vanished meanwhile, 'busy' when no descriptor is free. */
export async function readHash(name: string): Promise<{ hash: string; size: number } | 'gone' | 'busy'> {
  try {
    const content = await readFile(name);
    return { hash: createHash('sha256').update(content).digest('base64'), size: content.length };
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR' || code === 'EISDIR') return 'gone';
    if (code === 'EMFILE' || code === 'ENFILE' || code === 'EBUSY') return 'busy';
    // A file that may not be read is a content of its own: becoming readable is a change.
    return { hash: `unreadable (${code})`, size: 1 };
  }
}
