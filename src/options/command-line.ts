import { HandoverError } from '../errors.ts';
import { checkOption } from './check-option.ts';
import type { HandoverOptions } from './handover-options.ts';
import { canBeTurnedOff, hasOptionalValue, negated, OPTION_TABLE, type OptionRow } from './option-table.ts';
import { closestName } from './suggestion.ts';

/** What the command line asks for. */
export type Command =
  /** Without an entry it is the one that package.json names. */
  | { kind: 'run'; entry: string | undefined; args: string[]; flags: Partial<HandoverOptions> }
  | { kind: 'help' }
  | { kind: 'version' };

export const USAGE = 'handover [options] [<entry> [args...]]';

/**
 * Reads `[options] [<entry> [args...]]`. Everything behind the entry belongs to the app, untouched; a `--` before it
 * ends our options.
 *
 * @param argv without node and the script: `process.argv.slice(2)`
 * @throws HandoverError UNKNOWN_OPTION, or INVALID_OPTION for a missing or wrong value
 */
export function parseCommandLine(argv: readonly string[]): Command {
  const rest = [...argv];
  const flags: Record<string, unknown> = {};
  while (rest[0]?.startsWith('-') && rest[0] !== '-') {
    const argument = rest.shift()!;
    if (argument === '--') break;
    if (argument === '--help' || argument === '-h') return { kind: 'help' };
    if (argument === '--version' || argument === '-v') return { kind: 'version' };
    readFlag(argument, rest, flags);
  }
  const [entry, ...args] = rest;
  return { kind: 'run', entry: entry || undefined, args, flags };
}

/** Reads one flag into `flags`, with its value from `rest` when it needs one. */
function readFlag(argument: string, rest: string[], flags: Record<string, unknown>): void {
  const equals = argument.indexOf('=');
  const flag = equals === -1 ? argument : argument.slice(0, equals);
  const inline = equals === -1 ? undefined : argument.slice(equals + 1);
  const off = OPTION_TABLE.find((row) => canBeTurnedOff(row) && negated(row) === flag);
  const row = off ?? OPTION_TABLE.find((candidate) => candidate.flag === flag || candidate.short === flag);
  if (!row) throw unknownFlag(flag, argument);
  if (off || row.kind === 'boolean') {
    if (inline !== undefined) {
      throw new HandoverError(
        'INVALID_OPTION',
        `${argument}: ${flag} takes no value; write ${row.flag} or ${negated(row)}`,
      );
    }
    flags[row.name] = !off;
  } else if (hasOptionalValue(row)) {
    if (inline === undefined && rest[0] !== undefined && /^[\d.]+ ?[a-z]*$/.test(rest[0])) {
      throw new HandoverError(
        'INVALID_OPTION',
        `${flag} ${rest[0]}: the value of ${flag} is joined to it; write ${flag}=${rest[0]}`,
      );
    }
    flags[row.name] = inline === undefined ? true : numberIn(row, inline);
  } else {
    const text = inline ?? takeValue(row, flag, rest);
    const isListed = row.kind === 'list' || (row.kind === 'preload' && text !== 'auto' && text !== 'prefix');
    if (isListed) flags[row.name] = [...listOf(flags[row.name]), text];
    else flags[row.name] = numberIn(row, text);
  }
  checkOption(row, flags[row.name], flag);
}

function numberIn({ kind }: OptionRow, text: string): number | string {
  return (kind === 'whole number' || kind === 'port') && /^-?[\d.]+$/.test(text) ? Number(text) : text;
}

function listOf(value: unknown): unknown[] {
  return Array.isArray(value) ? value : [];
}

/** The argument behind a flag. One that looks like an option is taken for a forgotten value, except where options are passed on. */
function takeValue(row: OptionRow, flag: string, rest: string[]): string {
  const value = rest[0];
  if (value === undefined || (value.startsWith('-') && !row.passedOn)) {
    const hint = value === undefined ? '' : ` (a value that begins with a dash is written ${flag}=${value})`;
    throw new HandoverError('INVALID_OPTION', `${flag} needs a value; write ${flag} ${row.value}${hint}`);
  }
  rest.shift();
  return value;
}

function unknownFlag(flag: string, argument: string): HandoverError {
  const on = OPTION_TABLE.map((row): string => row.flag);
  const off = OPTION_TABLE.filter(canBeTurnedOff).map(negated);
  const suggestion = closestName(flag, [...on, ...off, '--help', '--version']);
  const hint = suggestion
    ? `did you mean ${suggestion}?`
    : process.allowedNodeEnvironmentFlags.has(flag) || /^--env-file(-if-exists)?$/.test(flag)
      ? `an option of Node.js is passed on with --exec-arg=${argument}`
      : "handover --help lists them; the app's own options stand behind its entry";
  return new HandoverError('UNKNOWN_OPTION', `${flag}: there is no such option; ${hint}`);
}
