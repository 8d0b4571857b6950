import path from 'node:path';

/** A file as a person in `cwd` would call it: relative inside of it, absolute outside; a word stays a word. */
export function displayPath(file: string, cwd: string = process.cwd()): string {
  if (!path.isAbsolute(file)) return file;
  const relative = path.relative(cwd, file);
  if (relative === '' || relative === '..' || relative.startsWith(`..${path.sep}`) || path.isAbsolute(relative))
    return file;
  return relative;
}
