import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';
import { HandoverError } from '../errors.ts';
import type { ModuleFormat } from '../protocol.ts';
import type { LoadedModules } from '../watch/loaded-modules.ts';

/** What a worker needs to run a TypeScript entry: nothing where Node strips types itself, else the app's tsx. */
export function typescriptArgv(entry: string, execArgv: string[]): string[] {
  if (!isTypeScript(entry) || hasLoader(execArgv) || hasLoader((process.env['NODE_OPTIONS'] ?? '').split(' ')))
    return [];
  if (stripsTypes() && !entry.endsWith('x')) return [];
  try {
    return ['--import', pathToFileURL(createRequire(entry).resolve('tsx')).href];
  } catch (cause) {
    throw new HandoverError(
      'TYPESCRIPT_LOADER_MISSING',
      `Node.js ${process.version} can't run ${entry} by itself; run: npm install --save-dev tsx`,
      { cause },
    );
  }
}

/** How the app has loaded its files of TypeScript. */
export function typescriptFormats({ imported, required }: LoadedModules): Set<ModuleFormat> {
  const formats = new Set<ModuleFormat>();
  for (const file of required.keys()) if (isTypeScript(file)) formats.add('require');
  for (const file of imported) if (isTypeScript(file) && !required.has(file)) formats.add('import');
  return formats;
}

function isTypeScript(file: string): boolean {
  return /\.[cm]?tsx?$/.test(file);
}

function stripsTypes(): boolean {
  return Boolean((process.features as { typescript?: unknown }).typescript);
}

/** Whether the user has chosen a TypeScript loader. */
function hasLoader(execArgv: string[]): boolean {
  return execArgv.some((option) => /\b(tsx|ts-node|swc|esbuild|jiti|sucrase|tsimp)\b/.test(option));
}
