import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';
import { HandoverError } from '../errors.ts';

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

export function isTypeScript(file: string): boolean {
  return /\.[cm]?tsx?$/.test(file);
}

function stripsTypes(): boolean {
  return Boolean((process.features as { typescript?: unknown }).typescript);
}

/** Whether the user has chosen a TypeScript loader. */
function hasLoader(execArgv: string[]): boolean {
  return execArgv.some((option) => /\b(tsx|ts-node|swc|esbuild|jiti|sucrase|tsimp)\b/.test(option));
}
