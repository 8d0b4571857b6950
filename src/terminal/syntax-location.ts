import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import module from 'node:module';
import { isDependency } from '../packages.ts';
import { decorationOf, type Location } from './stack.ts';

/** Each takes about 40 ms of a processor; the culprit is nearly always among the files changed or loaded last. */
const MOST_FILES = 10;
const CHECK_TIMEOUT = 5000;

const TYPESCRIPT = /\.[cm]?ts$/;
/** `node --check` strips no types. Which ones there are to strip Node tells itself, and where. */
const CHECK_STRIPPED = `
const [, file] = process.argv;
const source = require('node:module').stripTypeScriptTypes(require('node:fs').readFileSync(file, 'utf8'));
new (require('node:vm').SourceTextModule)(source, { identifier: file });
`;

/**
 * The first of `files` that is no valid JavaScript, and where; undefined: none is. Runs `node --check`, since V8 tells
 * the place of a syntax error only where the process prints it. At most 10 files are checked, for 5 s each; files
 * in node_modules are left out, and so is TypeScript where a loader compiles it, which tells the place.
 */
export async function findSyntaxError(
  files: readonly string[],
  execPath: string = process.execPath,
): Promise<(Location & { message: string }) | undefined> {
  const stripsTypes = 'stripTypeScriptTypes' in module;
  const sources = [...new Set(files)]
    .filter((file) => (/\.[cm]?js$/.test(file) || (stripsTypes && TYPESCRIPT.test(file))) && !isDependency(file))
    .slice(0, MOST_FILES);
  const results = await Promise.all(sources.map((file) => check(file, execPath)));
  return results.find((result) => result !== undefined);
}

async function check(file: string, execPath: string): Promise<(Location & { message: string }) | undefined> {
  if (TYPESCRIPT.test(file)) {
    const options = ['--experimental-vm-modules', '--no-warnings', '-e', CHECK_STRIPPED];
    return parse(file, await run(execPath, [...options, file]));
  }
  const asFile = parse(file, await run(execPath, ['--check', file]));
  if (asFile || !file.endsWith('.js')) return asFile;
  // Before version 24, --check finds nothing wrong with a .js file that only its syntax makes an ES module.
  const source = await readFile(file, 'utf8').catch(() => '');
  if (!/^\s*(import|export)\b/m.test(source)) return undefined;
  return parse(file, await run(execPath, ['--check', '--input-type=module', '-'], source));
}

function parse(file: string, output: string): (Location & { message: string }) | undefined {
  const found = decorationOf(output.replace(/^\[stdin\](?=:\d+\n)/, () => file));
  return found?.message !== undefined && found.file === file ? { ...found, message: found.message } : undefined;
}

/** What a node process printed to stderr; nothing when it succeeded or took too long. */
function run(execPath: string, args: string[], stdin = ''): Promise<string> {
  // NODE_OPTIONS may load code of the app or open an inspector.
  const { NODE_OPTIONS: _, ...env } = process.env;
  return new Promise((resolve) => {
    const child = execFile(
      execPath,
      args,
      { env, timeout: CHECK_TIMEOUT, killSignal: 'SIGKILL', windowsHide: true },
      (error, _stdout, stderr) => resolve(error ? stderr : ''),
    );
    // A child that ends before it has read everything breaks the pipe.
    child.stdin?.on('error', () => {}).end(stdin);
  });
}
