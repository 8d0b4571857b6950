import { readFileSync, statSync } from 'node:fs';
import { plain, type Style } from './style.ts';

const LINES_AROUND = 3;
/** A frame helps with source that a person wrote, not with bundles. */
const LARGEST_FILE = 2_000_000;
const WIDEST_LINE = 160;

/**
 * The lines around a place in a file, the line itself marked by `>` and the column (both from 1) by a caret.
 * Undefined when the file can't be read or has no such line.
 */
export function codeFrame(file: string, line: number, column?: number, style: Style = plain): string | undefined {
  const lines = readLines(file);
  if (lines?.[line - 1] === undefined) return undefined;
  const first = Math.max(1, line - LINES_AROUND);
  const last = Math.min(lines.length, line + LINES_AROUND);
  const width = String(last).length;
  const frame: string[] = [];
  for (let number = first; number <= last; number++) {
    const text = shown(lines[number - 1]!);
    const gutter = `${String(number).padStart(width)} |`;
    frame.push(
      number === line
        ? `${style('red', '>')} ${style('bold', `${gutter} ${text}`.trimEnd())}`
        : style('dim', `  ${gutter} ${text}`.trimEnd()),
    );
    if (number === line && column !== undefined && column >= 1 && column <= text.length + 1) {
      // Tabs stay tabs, so that the caret stands below its character at any tab width.
      const blank = text.slice(0, column - 1).replaceAll(/[^\t]/g, ' ');
      frame.push(`  ${' '.repeat(width)} ${style('dim', '|')} ${blank}${style('red', '^')}`);
    }
  }
  return frame.join('\n');
}

function readLines(file: string): string[] | undefined {
  try {
    if (statSync(file).size > LARGEST_FILE) return undefined;
    const lines = readFileSync(file, 'utf8').split(/\r\n|\n|\r/);
    if (lines.at(-1) === '') lines.pop();
    return lines;
  } catch {
    return undefined;
  }
}

/** Without what would move the cursor or flood the terminal. */
function shown(line: string): string {
  // oxlint-disable-next-line no-control-regex
  const text = line.replaceAll(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/g, '\uFFFD');
  return text.length > WIDEST_LINE ? `${text.slice(0, WIDEST_LINE)}…` : text;
}
