import { existsSync, statSync } from 'node:fs';
import path from 'node:path';
import { HandoverError } from '../errors.ts';
import { envFilesOf, variablesFrom } from './env-files.ts';
import { typescriptArgv, typescriptEnv } from './typescript.ts';
import type { Program } from './fork.ts';

/** A worker's program: in parts, or as a command line that begins with node. */
export type RestartCommand = { exec: string; args?: string[]; execArgv?: string[] } | string[];

const EXTENSIONS = ['.js', '.mjs', '.cjs', '.ts', '.mts', '.cts', '.tsx'];

/** The program of a command; of this process when there is none. Throws ENTRY_MISSING or ENTRY_NOT_FOUND. */
export function programOf(command: RestartCommand | undefined, execArgv: string[]): Program {
  const { exec, args, own } = partsOf(command);
  const entry = resolveEntry(exec);
  const isOwn = command === undefined || entry === ownEntry();
  const options = [...own, ...execArgv];
  const envFiles = envFilesOf(options);
  return {
    exec: entry,
    args,
    execArgv: [...options, ...typescriptArgv(entry, options)],
    envFiles,
    env: { ...without(variablesFrom(envFiles)), ...typescriptEnv(options) },
    isOwn,
  };
}

function without(names: readonly string[]): Record<string, undefined> {
  return Object.fromEntries(names.map((name) => [name, undefined]));
}

function partsOf(command: RestartCommand | undefined): { exec: string; args: string[]; own: string[] } {
  if (Array.isArray(command)) {
    // [node, ...its options, entry, ...args]
    const at = command.findIndex((part, index) => index > 0 && !part.startsWith('-'));
    return { exec: command[at] ?? '', args: command.slice(at + 1), own: command.slice(1, at) };
  }
  if (command) return { exec: command.exec, args: command.args ?? [], own: command.execArgv ?? [] };
  return { exec: process.argv[1] ?? '', args: process.argv.slice(2), own: process.execArgv };
}

/** The entry of this process; undefined where it has none. */
function ownEntry(): string | undefined {
  return process.argv[1] === undefined ? undefined : path.resolve(process.argv[1]);
}

/** The entry's absolute path, found as Node finds it: with an extension added, or the index of a folder. */
function resolveEntry(entry: string): string {
  if (entry === '')
    throw new HandoverError(
      'ENTRY_MISSING',
      'there is no program to run; pass the entry file of the app: handover server.js',
    );
  const file = path.resolve(entry);
  const candidates = [
    file,
    ...EXTENSIONS.map((extension) => file + extension),
    ...EXTENSIONS.map((extension) => path.join(file, `index${extension}`)),
  ];
  const found = candidates.find((candidate) => existsSync(candidate) && statSync(candidate).isFile());
  if (!found) {
    throw new HandoverError(
      'ENTRY_NOT_FOUND',
      `there is no file ${entry} (looked for ${file}); check the path, which is relative to ${process.cwd()}`,
    );
  }
  return found;
}
