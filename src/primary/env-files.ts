import { readFileSync } from 'node:fs';
import path from 'node:path';
import { parseEnv } from 'node:util';

const OPTION = /^--env-file(?:-if-exists)?(?:=(.*))?$/;

/** The files from which a process with these options of Node.js reads variables when it starts: absolute paths. */
export function envFilesOf(execArgv: readonly string[]): string[] {
  return execArgv.flatMap((option, at) => {
    const match = OPTION.exec(option);
    const name = match && (match[1] ?? execArgv[at + 1]);
    return name ? [path.resolve(name)] : [];
  });
}

/**
 * The variables that this process has from one of the files, as it is now. A worker that reads the file itself must not
 * inherit them: what is set wins over the file, so that it would never see a change of it.
 */
export function variablesFrom(files: readonly string[]): string[] {
  // Node 20 reads what is named anywhere on the command line, also behind our --exec-arg.
  const own = new Set(envFilesOf([...process.execArgv, ...process.argv]));
  return files.flatMap((file) => {
    if (!own.has(file)) return [];
    const variables = Object.entries(read(file));
    return variables.flatMap(([name, value]) => (process.env[name] === value ? [name] : []));
  });
}

function read(file: string): NodeJS.Dict<string> {
  try {
    return parseEnv(readFileSync(file, 'utf8'));
  } catch {
    return {};
  }
}
