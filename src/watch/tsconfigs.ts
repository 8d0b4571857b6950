import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';

/** Variables that name another one: of tsx, of ts-node, of @swc-node/register. */
const VARIABLES = ['TSX_TSCONFIG_PATH', 'TS_NODE_PROJECT', 'SWC_NODE_PROJECT'];

/** Comments and trailing commas are allowed there: only this is read of it. */
const EXTENDS = /"extends"\s*:\s*("(?:[^"\\]|\\.)*"|\[[^\]]*\])/g;
const TEXT = /"(?:[^"\\]|\\.)*"/g;

/** The files that a loader of TypeScript takes its options from, seen from a project's folder, with those that they extend. */
export function tsconfigsOf(project: string, env: NodeJS.ProcessEnv = process.env): Set<string> {
  const named = VARIABLES.flatMap((name) => (env[name] ? [path.resolve(env[name])] : []));
  const found = new Set<string>();
  const open = [path.join(project, 'tsconfig.json'), path.resolve('tsconfig.json'), ...named];
  for (let file = open.pop(); file !== undefined; file = open.pop()) {
    if (found.has(file)) continue;
    found.add(file);
    open.push(...extendedBy(file));
  }
  return found;
}

function extendedBy(file: string): string[] {
  const names = Array.from(read(file).matchAll(EXTENDS), ([, value = '']) => value.match(TEXT) ?? []).flat();
  return names.flatMap((name) => resolve(JSON.parse(name) as string, file) ?? []);
}

function read(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return '';
  }
}

/** Where TypeScript finds what a file extends. One that is not there is waited for, unless it is of a package. */
function resolve(name: string, from: string): string | undefined {
  if (/^\.\.?(?:[\\/]|$)/.test(name) || path.isAbsolute(name)) {
    const file = path.resolve(path.dirname(from), name);
    return file.endsWith('.json') || existsSync(file) ? file : `${file}.json`;
  }
  const require = createRequire(from);
  for (const candidate of [name, `${name}.json`, `${name}/tsconfig.json`]) {
    try {
      const file = require.resolve(candidate);
      if (file.endsWith('.json')) return file;
    } catch {
      // It has another name.
    }
  }
  return undefined;
}
