#!/usr/bin/env node
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { HandoverError } from './errors.ts';
import { parseCommandLine } from './options/command-line.ts';
import { findEntry } from './options/find-entry.ts';
import { helpText } from './options/help.ts';
import { readPackageOptions } from './options/package-json.ts';
import { resolveOptions } from './options/resolve-options.ts';
import { supervise } from './primary/supervise.ts';

try {
  const command = parseCommandLine(process.argv.slice(2));
  switch (command.kind) {
    case 'help':
      process.stdout.write(helpText());
      break;
    case 'version':
      process.stdout.write(`${ownVersion()}\n`);
      break;
    case 'run':
      if (command.entry === undefined) await runFound(command.flags);
      else await run({ exec: command.entry, args: command.args }, command.flags);
      break;
    default:
      command satisfies never;
  }
} catch (error) {
  if (!(error instanceof HandoverError)) throw error;
  process.stderr.write(`handover: ${error.message}\n`);
  process.exit(1);
}

async function run(program: { exec: string; args: string[]; execArgv?: string[] }, flags: object): Promise<void> {
  const packageJson = readPackageOptions(path.dirname(path.resolve(program.exec)));
  const options = resolveOptions({ flags, packageJson, place: 'the command line' });
  await supervise(options, program);
}

/** Without an entry it is the one that package.json names. */
async function runFound(flags: object): Promise<void> {
  const { env, from, flags: found, ...program } = findEntry(process.cwd());
  const { exec, args, execArgv } = program;
  // What was set for this run wins over what the script sets.
  Object.assign(process.env, { ...env, ...process.env });
  const words = [...execArgv, path.relative(process.cwd(), exec), ...args];
  process.stderr.write(`handover: running ${words.join(' ')} (${from} in package.json)\n`);
  await run(program, { ...found, ...flags });
}

function ownVersion(): string {
  const file = new URL('../package.json', import.meta.url);
  return (JSON.parse(readFileSync(file, 'utf8')) as { version: string }).version;
}
