import { readFileSync } from 'node:fs';
import path from 'node:path';
import { packageFolderOf, packageNameOf } from '../../packages.ts';

const KINDS = ['dependencies', 'peerDependencies', 'optionalDependencies'] as const;

/**
 * The first of some packages that the package of a file (a path or URL) is, or declares to use, itself or through
 * others.
 */
export function usesAnyOf(target: string, names: ReadonlySet<string>): string | undefined {
  if (names.size === 0) return undefined;
  for (const name of packagesUsedBy(target)) if (names.has(name)) return name;
  return undefined;
}

/** The package of a file, and those that it declares to use, itself or through others. */
export function* packagesUsedBy(target: string): Generator<string, void> {
  yield packageNameOf(target);
  const first = packageFolderOf(target);
  const seen = new Set<string>();
  const open = first === undefined ? [] : [first];
  for (let folder = open.pop(); folder !== undefined; folder = open.pop()) {
    if (seen.has(folder)) continue;
    seen.add(folder);
    for (const dependency of read(folder) ?? []) {
      yield dependency;
      const found = find(dependency, folder);
      if (found) open.push(found);
    }
  }
}

/** Where Node would find a package, seen from a folder. */
function find(name: string, from: string): string | undefined {
  for (let folder = from; ; folder = path.dirname(folder)) {
    const candidate = path.join(folder, 'node_modules', name);
    if (read(candidate)) return candidate;
    if (path.dirname(folder) === folder) return undefined;
  }
}

const known = new Map<string, readonly string[] | undefined>();

/** The names of what the package in a folder depends on; undefined: there is none. */
function read(folder: string): readonly string[] | undefined {
  if (known.has(folder)) return known.get(folder);
  let dependencies: string[] | undefined;
  try {
    const json = JSON.parse(readFileSync(path.join(folder, 'package.json'), 'utf8')) as Record<string, object>;
    dependencies = KINDS.flatMap((kind) => Object.keys(json[kind] ?? {}));
  } catch {
    dependencies = undefined;
  }
  known.set(folder, dependencies);
  return dependencies;
}
