import { inspect } from 'node:util';
import { toMilliseconds } from '../duration.ts';
import { HandoverError } from '../errors.ts';
import type { OptionRow } from './option-table.ts';

const LARGEST_PORT = 65_535;
const LOOPBACK = '127.0.0.1';

/** The resolved value of an option; `place` is how the error calls it, such as `--poll` or `runPrimary(): poll`. */
export function checkOption(row: OptionRow, given: unknown, place: string): unknown {
  const value = given === true ? (row.meaningOfTrue ?? true) : given;
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
      return value === false ? false : checkDuration(row, value, place);
    case 'file':
      if (value === false || (typeof value === 'string' && value !== '')) return value;
      return refuse(value, place, 'the path of a file, or false');
    case 'preload':
      if (value === 'auto' || value === 'prefix' || value === false) return value;
      return isNames(value) ? [...value] : refuse(value, place, '"auto", "prefix", a list of modules, or false');
    case 'port':
      return value === false || isPort(value) ? value : refuse(value, place, 'a port from 0 to 65535, or false');
    case 'address':
      return value === false ? false : checkAddress(value, place);
    default:
      return row.kind satisfies never;
  }
}

function isNames(value: unknown): value is string[] {
  return Array.isArray(value) && value.every((item) => typeof item === 'string' && item !== '');
}

function isPort(value: unknown): value is number {
  return typeof value === 'number' && Number.isInteger(value) && value >= 0 && value <= LARGEST_PORT;
}

/** As `host:port`; of a port alone the host is the loopback. */
function checkAddress(value: unknown, place: string): string {
  if (isPort(value)) return `${LOOPBACK}:${value}`;
  const [, host, port] = /^(?:(\[[\da-f:]+\]|[\w.-]+):)?(\d+)$/i.exec(typeof value === 'string' ? value : '') ?? [];
  if (port === undefined || !isPort(Number(port))) {
    return refuse(value, place, 'a port from 0 to 65535, an address such as "127.0.0.1:9229", or false');
  }
  return `${host ?? LOOPBACK}:${Number(port)}`;
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
