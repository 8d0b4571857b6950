import { inspect } from 'node:util';
import { toMilliseconds } from '../duration.ts';
import { HandoverError } from '../errors.ts';
import type { OptionRow } from './option-table.ts';

/** `poll: true`: often enough to feel at once, rare enough for thousands of files on a network mount. */
const DEFAULT_POLL_INTERVAL = 200;

/** The resolved value of an option; `place` is how the error calls it, such as `--poll` or `runPrimary(): poll`. */
export function checkOption(row: OptionRow, value: unknown, place: string): unknown {
  switch (row.kind) {
    case 'boolean':
      return typeof value === 'boolean' ? value : refuse(value, place, 'true or false');
    case 'list':
      if (!isNames(value)) {
        return refuse(value, place, 'a list of strings such as ["one", "two"]');
      }
      return [...value];
    case 'whole number':
      return checkWholeNumber(row, value, place);
    case 'duration':
      return checkDuration(row, value, place);
    case 'interval':
      if (value === false) return false;
      return value === true ? DEFAULT_POLL_INTERVAL : checkDuration(row, value, place);
    case 'file':
      if (value === false || (typeof value === 'string' && value !== '')) return value;
      return refuse(value, place, 'the path of a file, or false');
    case 'preload':
      if (value === 'auto' || value === 'prefix' || value === false) return value;
      return isNames(value) ? [...value] : refuse(value, place, '"auto", "prefix", a list of modules, or false');
    default:
      return row.kind satisfies never;
  }
}

function isNames(value: unknown): value is string[] {
  return Array.isArray(value) && value.every((item) => typeof item === 'string' && item !== '');
}

function checkWholeNumber({ min = 0, max }: OptionRow, value: unknown, place: string): number {
  if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < min || value > (max ?? Infinity)) {
    const range = max === undefined ? `, at least ${min}` : ` from ${min} to ${max}`;
    return refuse(value, place, `a whole number${range}`);
  }
  return value;
}

function checkDuration({ min = 0 }: OptionRow, value: unknown, place: string): number {
  if (typeof value !== 'number' && typeof value !== 'string')
    return refuse(value, place, 'a duration such as 500, "500ms" or "8s"');
  const milliseconds = toMilliseconds(value, place);
  return milliseconds < min ? refuse(value, place, `a duration of at least ${min} ms`) : milliseconds;
}

function refuse(value: unknown, place: string, expected: string): never {
  const got = typeof value === 'string' ? JSON.stringify(value) : inspect(value, { depth: 1, breakLength: Infinity });
  throw new HandoverError('INVALID_OPTION', `${place}: expected ${expected}, got ${got}`);
}
