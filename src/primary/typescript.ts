import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';
import { HandoverError } from '../errors.ts';
import { SWC_NODE, TYPESCRIPT_LOADER } from '../typescript-loaders.ts';

const SWC_MODE = 'SWC_NODE_SOURCE_MAP_MODE';

/** What a worker needs to run a TypeScript entry: nothing where Node strips types itself, else the app's tsx. */
export function typescriptArgv(entry: string, execArgv: string[]): string[] {
  if (!isTypeScript(entry) || TYPESCRIPT_LOADER.test(allOptions(execArgv))) return [];
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

/** @swc-node/register writes source maps only when it is told to, by tsconfig.json or by this. */
export function typescriptEnv(execArgv: string[]): Record<string, string> {
  return SWC_NODE.test(allOptions(execArgv)) && !process.env[SWC_MODE] ? { [SWC_MODE]: 'inline' } : {};
}

export function isTypeScript(file: string): boolean {
  return /\.[cm]?tsx?$/.test(file);
}

function stripsTypes(): boolean {
  return Boolean((process.features as { typescript?: unknown }).typescript);
}

/** Those of the command line and of NODE_OPTIONS. */
function allOptions(execArgv: string[]): string {
  return [...execArgv, process.env['NODE_OPTIONS'] ?? ''].join(' ');
}
