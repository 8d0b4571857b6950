import path from 'node:path';
import { fileURLToPath } from 'node:url';

/** This package's own code, which is no app even when it is not installed under node_modules. */
const OWN_FOLDER = fileURLToPath(new URL('.', import.meta.url));

/** Whether a file (a path or URL) belongs to an installed package. */
export function isDependency(target: string): boolean {
  return /[\\/]node_modules[\\/]/.test(target);
}

/** Whether a file (a path) is part of this package. */
export function isOwn(file: string): boolean {
  return file.startsWith(OWN_FOLDER);
}

/** The name of the package that a file (a path or URL) belongs to, as imports call it. */
export function packageNameOf(target: string): string {
  const parts = (target.startsWith('file:') ? fileURLToPath(target) : target).split(/[\\/]/);
  const at = parts.lastIndexOf('node_modules') + 1;
  const name = parts[at] ?? target;
  return name.startsWith('@') ? `${name}/${parts[at + 1]}` : name;
}

/** The folder of the package that a file (a path or URL) belongs to; undefined: it belongs to none that is installed. */
export function packageFolderOf(target: string): string | undefined {
  const file = target.startsWith('file:') ? fileURLToPath(target) : target;
  const folder = path.join('node_modules', packageNameOf(target));
  const at = file.lastIndexOf(folder);
  return at < 0 ? undefined : file.slice(0, at + folder.length);
}
