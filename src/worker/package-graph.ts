import { readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

interface Package {
  name: string;
  folder: string;
  dependencies: string[];
}

const KINDS = ['dependencies', 'peerDependencies', 'optionalDependencies'] as const;

/** The name of the package that a file (a path or URL) belongs to, as imports call it. */
export function packageNameOf(target: string): string {
  const parts = (target.startsWith('file:') ? fileURLToPath(target) : target).split(/[\\/]/);
  const at = parts.lastIndexOf('node_modules') + 1;
  const name = parts[at] ?? target;
  return name.startsWith('@') ? `${name}/${parts[at + 1]}` : name;
}

/** Whether a package declares, itself or through others, that it uses the package `name`. `target`: a file of it. */
export function usesPackage(target: string, name: string): boolean {
  const first = folderOf(target);
  const seen = new Set<string>();
  const open = first === undefined ? [] : [first];
  for (let folder = open.pop(); folder !== undefined; folder = open.pop()) {
    if (seen.has(folder)) continue;
    seen.add(folder);
    for (const dependency of read(folder)?.dependencies ?? []) {
      if (dependency === name) return true;
      const found = find(dependency, folder);
      if (found) open.push(found);
    }
  }
  return false;
}

function folderOf(target: string): string | undefined {
  const file = target.startsWith('file:') ? fileURLToPath(target) : target;
  const name = packageNameOf(target);
  const end = file.lastIndexOf(path.join('node_modules', name));
  return end < 0 ? undefined : file.slice(0, end + path.join('node_modules', name).length);
}

/** Where Node would find a package, seen from a folder. */
function find(name: string, from: string): string | undefined {
  for (let folder = from; ; folder = path.dirname(folder)) {
    const candidate = path.join(folder, 'node_modules', name);
    if (read(candidate)) return candidate;
    if (path.dirname(folder) === folder) return undefined;
  }
}

function read(folder: string): Package | undefined {
  try {
    const json = JSON.parse(readFileSync(path.join(folder, 'package.json'), 'utf8')) as Record<string, object>;
    return { name: String(json['name']), folder, dependencies: KINDS.flatMap((kind) => Object.keys(json[kind] ?? {})) };
  } catch {
    return undefined;
  }
}
