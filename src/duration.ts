import ms from 'ms';
import { HandoverError } from './errors.ts';
import { LONGEST_TIMER } from './timers.ts';

/** A length of time: milliseconds, or a string that the `ms` package reads ("500ms", "8s", "2 minutes"). */
export type Duration = number | string;

/** The milliseconds of a duration; `name` is the option that the error names. */
export function toMilliseconds(value: Duration, name: string): number {
  // `ms` throws on an empty string and reads a bare number string as milliseconds.
  const milliseconds =
    typeof value === 'number'
      ? value
      : typeof value === 'string' && value.trim() !== ''
        ? ms(value as ms.StringValue)
        : NaN;
  if (typeof milliseconds !== 'number' || !(milliseconds >= 0 && milliseconds <= LONGEST_TIMER)) {
    throw new HandoverError(
      'INVALID_OPTION',
      `${name}: expected a duration such as 500, "500ms" or "8s", at most 24 days, got ${JSON.stringify(value) ?? String(value)}`,
    );
  }
  return milliseconds;
}
