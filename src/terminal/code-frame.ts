import { readFileSync, statSync } from 'node:fs';
import { plain, type Style } from './style.ts';
import { textWidth } from './text-width.ts';

const LINES_AROUND = 3;
/** A frame helps with source that a person wrote, not with bundles. */
const LARGEST_FILE = 2_000_000;
const WIDEST_LINE = 160;
const NARROWEST_LINE = 20;
/** How much of a line that does not fit is shown in front of the caret. */
const BEFORE_CARET = 0.7;

/**
 * The lines around a place in a file, the line itself marked by `>` and the column (both from 1) by a caret. Lines that
 * are too long for so many columns are cut, so that the caret stays below its character. Undefined when the file can't
 * be read or has no such line.
 */
export function codeFrame(
  file: string,
  line: number,
  column?: number,
  style: Style = plain,
  columns: number = Infinity,
): string | undefined {
  const lines = readLines(file);
  // The last line is the end of the one before it, unless that is the place.
  if (lines?.at(-1) === '' && line < lines.length) lines.pop();
  if (lines?.[line - 1] === undefined) return undefined;
  const first = Math.max(1, line - LINES_AROUND);
  const last = Math.min(lines.length, line + LINES_AROUND);
  const width = String(last).length;
  const gutterWidth = width + '>  | '.length;
  const room = Math.min(WIDEST_LINE, Math.max(NARROWEST_LINE, columns - gutterWidth));
  const begin = beginOf(lines[line - 1]!, column, room);
  const frame: string[] = [];
  for (let number = first; number <= last; number++) {
    const text = shown(lines[number - 1]!, number === line ? begin : 0, room);
    const gutter = `${String(number).padStart(width)} |`;
    frame.push(
      number === line
        ? `${style('red', '>')} ${style('bold', `${gutter} ${text}`.trimEnd())}`
        : style('dim', `  ${gutter} ${text}`.trimEnd()),
    );
    const at = (column ?? 0) - 1 - begin;
    if (number === line && at >= 0 && at <= text.length) {
      // Tabs stay tabs, so that the caret stands below its character at any tab width.
      const blank = text.slice(0, at).replaceAll(/[^\t]/gu, (character) => ' '.repeat(textWidth(character)));
      frame.push(`  ${' '.repeat(width)} ${style('dim', '|')} ${blank}${style('red', '^')}`);
    }
  }
  return frame.join('\n');
}

function readLines(file: string): string[] | undefined {
  try {
    if (statSync(file).size > LARGEST_FILE) return undefined;
    const lines = readFileSync(file, 'utf8').split(/\r\n|\n|\r/);
    return lines;
  } catch {
    return undefined;
  }
}

/** The first character of the marked line that is shown, so that the column is among them. */
function beginOf(text: string, column: number | undefined, room: number): number {
  if (column === undefined || text.length <= room || column < room) return 0;
  return Math.max(0, Math.min(column - 1 - Math.round(room * BEFORE_CARET), text.length - room));
}

/** Without what would move the cursor or flood the terminal. */
function shown(line: string, begin: number, room: number): string {
  // oxlint-disable-next-line no-control-regex
  const text = line.replaceAll(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/g, '\uFFFD').slice(begin);
  const start = begin > 0 && text !== '' ? `…${text.slice(1)}` : text;
  return start.length > room ? `${start.slice(0, room - 1)}…` : start;
}
