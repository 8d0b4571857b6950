import { inspect } from 'node:util';
import { toMilliseconds, type Duration } from '../duration.ts';
import { HandoverError } from '../errors.ts';

/** A part of a program that has to end before the process may. */
export interface ShutdownComponent {
  /** Unique in its manager. */
  name: string;
  /** Asks the component to end; may return a promise. */
  shutdown?: () => unknown;
  /** Resolves when the component has ended. Called after every component was asked to. */
  join?: () => unknown;
  /** How long both may take together. Default: the manager's `shutdownTimeout`, which it never exceeds. */
  timeout?: Duration;
}

/** How a component ended, and after how many milliseconds from the begin of the shutdown. */
export type ComponentReport =
  | { name: string; outcome: 'ended' | 'timedOut'; milliseconds: number }
  | { name: string; outcome: 'failed'; error: unknown; milliseconds: number };

/** Throws HandoverError INVALID_OPTION unless it has the shape of a component. */
export function checkComponent(component: ShutdownComponent): void {
  if (typeof component !== 'object' || component === null) {
    throw refusal('registerComponent()', 'an object { name, shutdown, join, timeout }', component);
  }
  const { name, shutdown, join, timeout } = component;
  if (typeof name !== 'string' || name === '')
    throw refusal('registerComponent(): name', 'a text that is not empty', name);
  const place = `registerComponent(${JSON.stringify(name)})`;
  for (const [method, value] of Object.entries({ shutdown, join })) {
    if (value !== undefined && typeof value !== 'function') throw refusal(`${place}: ${method}`, 'a function', value);
  }
  if (timeout !== undefined) toMilliseconds(timeout, `${place}: timeout`);
}

function refusal(place: string, expected: string, value: unknown): HandoverError {
  return new HandoverError(
    'INVALID_OPTION',
    `${place}: expected ${expected}, got ${inspect(value, { depth: 1, breakLength: Infinity })}`,
  );
}
