import { readFileSync } from 'node:fs';
import { messageOf } from '../errors.ts';
import type { Location } from './stack.ts';

/** Where a JSON file stops being JSON. V8 tells it for some errors only, so the file is parsed again. */
export function locateJsonError(file: string): Location | undefined {
  let text: string;
  try {
    text = readFileSync(file, 'utf8').replace(/^\uFEFF/, '');
  } catch {
    return undefined;
  }
  if (errorOf(text) === undefined) return undefined;
  // The shortest beginning that no continuation could mend: its last character is the wrong one.
  let good = 0;
  let bad = text.length + 1;
  while (bad - good > 1) {
    const length = (good + bad) >> 1;
    if (isBeyondRepair(text.slice(0, length))) bad = length;
    else good = length;
  }
  const before = text.slice(0, bad - 1).split('\n');
  return { file, line: before.length, column: before.at(-1)!.length + 1 };
}

function isBeyondRepair(beginning: string): boolean {
  const message = errorOf(beginning);
  if (message === undefined || /end of JSON|Unterminated/.test(message)) return false;
  // An error at the end means that something has to follow.
  return Number(/at position (\d+)/.exec(message)?.[1] ?? -1) !== beginning.length;
}

function errorOf(text: string): string | undefined {
  try {
    JSON.parse(text);
    return undefined;
  } catch (error) {
    return messageOf(error);
  }
}
