import { fileURLToPath } from 'node:url';

/** The name of the package that a file (a path or URL) belongs to, as imports call it. */
export function packageNameOf(target: string): string {
  const parts = (target.startsWith('file:') ? fileURLToPath(target) : target).split(/[\\/]/);
  const at = parts.lastIndexOf('node_modules') + 1;
  const name = parts[at] ?? target;
  return name.startsWith('@') ? `${name}/${parts[at + 1]}` : name;
}
