import { statSync } from 'node:fs';
import path from 'node:path';
import { HandoverError } from '../errors.ts';
import { parseCommandLine } from './command-line.ts';
import type { HandoverOptions } from './handover-options.ts';
import { nearestPackage } from './package-json.ts';

/** A program that a package.json names. */
export interface FoundEntry {
  /** The entry, absolute. */
  exec: string;
  args: string[];
  /** Options of Node.js in front of it. */
  execArgv: string[];
  /** Those that are options of ours, too. */
  flags: Partial<HandoverOptions>;
  /** Variables that the script sets for it. */
  env: Record<string, string>;
  /** Where it stands: `main`, or `scripts.start`. */
  from: string;
}

/** What is a program that handover can run. */
const PROGRAM = /\.[cm]?[jt]sx?$/;
const SCRIPTS = ['start', 'dev'] as const;
/** Options of Node.js whose value stands behind them. */
const WITH_VALUE = ['-r', '--require', '--import', '--loader', '--env-file', '--env-file-if-exists', '--conditions'];
/** Those of nodemon whose value may be a file. */
const OF_NODEMON = ['-w', '--watch', '-i', '--ignore'];
/** What a shell would do more than start one program. */
const SHELL_SYNTAX = /[|&;<>`]|\$\(/;

/**
 * The program of the nearest package.json: `main`, or what the script `start` or `dev` runs, whichever exists first.
 *
 * @throws HandoverError ENTRY_MISSING with what was looked at
 */
export function findEntry(folder: string): FoundEntry {
  const found = nearestPackage(folder);
  if (!found) throw missing(`there is no package.json in ${folder} or above it that names one`);
  const { file, content } = found;
  const root = path.dirname(file);
  const { main, scripts } = content as { main?: unknown; scripts?: unknown };
  const lookedAt: string[] = [];
  if (typeof main === 'string') {
    lookedAt.push(`"main": ${JSON.stringify(main)}`);
    const exec = programAt(root, main);
    if (exec) return { exec, args: [], execArgv: [], flags: {}, env: {}, from: 'main' };
  }
  for (const name of SCRIPTS) {
    const script = (scripts as Record<string, unknown> | undefined)?.[name];
    if (typeof script !== 'string') continue;
    lookedAt.push(`"${name}": ${JSON.stringify(script)}`);
    const program = programOfScript(root, script);
    if (program) return { ...program, from: `scripts.${name}` };
  }
  throw missing(
    lookedAt.length === 0
      ? `${file} has neither "main" nor a script "start" or "dev"`
      : `${file} names no file that is there and that Node.js could run (${lookedAt.join(', ')})`,
  );
}

/** `PORT=3000 node --env-file=.env server.js --verbose`, or the same with nodemon, tsx and the like; undefined: another kind of script. */
function programOfScript(root: string, script: string): Omit<FoundEntry, 'from'> | undefined {
  if (SHELL_SYNTAX.test(script)) return undefined;
  const words = wordsOf(script);
  const valued = words.includes('nodemon') ? [...WITH_VALUE, ...OF_NODEMON] : WITH_VALUE;
  const isValue = (at: number): boolean => valued.includes(words[at - 1] ?? '');
  const at = words.findIndex((word, index) => !isValue(index) && programAt(root, word) !== undefined);
  const exec = programAt(root, words[at]);
  if (!exec) return undefined;
  const before = words.slice(0, at);
  const env: Record<string, string> = {};
  for (const word of before) {
    const assignment = /^([A-Za-z_]\w*)=(.*)$/s.exec(word);
    if (assignment) env[assignment[1] as string] = assignment[2] as string;
  }
  return { exec, args: words.slice(at + 1), execArgv: nodeOptionsOf(before), flags: ownOptionsOf(before), env };
}

/** Those of nodemon, tsx and others are theirs. */
function nodeOptionsOf(words: string[]): string[] {
  const options: string[] = [];
  for (let at = 0; at < words.length; at++) {
    const word = words[at] as string;
    const [name] = word.split('=') as [string];
    const takesValue = WITH_VALUE.includes(name) && name === word;
    if (isForNode(name)) {
      options.push(word);
      if (takesValue) options.push(words[at + 1] as string);
    }
    if (takesValue) at++;
  }
  return options;
}

/** `--inspect` and `--inspect-brk`, in each of their forms. */
function ownOptionsOf(words: string[]): Partial<HandoverOptions> {
  const own = words.filter((word) => /^--inspect(?:-brk)?(?:=|$)/.test(word));
  return Object.assign({}, ...own.map((word) => flagsOf(word))) as Partial<HandoverOptions>;
}

function flagsOf(word: string): Partial<HandoverOptions> {
  const command = parseCommandLine([word]);
  return command.kind === 'run' ? command.flags : {};
}

function isForNode(name: string): boolean {
  // -C is nodemon's.
  if (!name.startsWith('-') || /^(?:-C$|--watch|--inspect)/.test(name)) return false;
  return WITH_VALUE.includes(name) || process.allowedNodeEnvironmentFlags.has(name);
}

/** As a shell splits a line: at blanks that are not in quotes. */
function wordsOf(line: string): string[] {
  return Array.from(line.matchAll(/(?:[^\s"']|"[^"]*"|'[^']*')+/g), ([word]) =>
    word.replace(/"([^"]*)"|'([^']*)'/g, '$1$2'),
  );
}

function programAt(root: string, name: string | undefined): string | undefined {
  if (!name) return undefined;
  const file = path.resolve(root, name);
  return PROGRAM.test(file) && statSync(file, { throwIfNoEntry: false })?.isFile() ? file : undefined;
}

function missing(why: string): HandoverError {
  return new HandoverError(
    'ENTRY_MISSING',
    `there is no program to run: ${why}; pass the entry file of the app: handover server.js`,
  );
}
