#!/usr/bin/env node
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { HandoverError } from './errors.ts';
import { helpText, parseCommandLine, readPackageOptions, resolveOptions } from './options.ts';
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
      await run(command.entry, command.args, command.flags);
      break;
    default:
      command satisfies never;
  }
} catch (error) {
  if (!(error instanceof HandoverError)) throw error;
  process.stderr.write(`handover: ${error.message}\n`);
  process.exit(1);
}

async function run(entry: string, args: string[], flags: object): Promise<void> {
  const packageJson = readPackageOptions(path.dirname(path.resolve(entry)));
  const options = resolveOptions({ flags, packageJson, place: 'the command line' });
  await supervise(options, { exec: entry, args });
}

function ownVersion(): string {
  const file = new URL('../package.json', import.meta.url);
  return (JSON.parse(readFileSync(file, 'utf8')) as { version: string }).version;
}
