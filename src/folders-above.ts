import path from 'node:path';

/** A folder and each one above it, the nearest first, up to the root of the file system. */
export function foldersAbove(folder: string): string[] {
  const above = path.dirname(folder);
  return above === folder ? [folder] : [folder, ...foldersAbove(above)];
}
