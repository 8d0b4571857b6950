import { stripVTControlCharacters } from 'node:util';

/** What takes two columns: East Asian wide and full-width characters, and emoji. */
const WIDE =
  /[\u1100-\u115F\u2E80-\u303E\u3041-\uA4CF\uAC00-\uD7A3\uF900-\uFAFF\uFE30-\uFE6F\uFF00-\uFF60\uFFE0-\uFFE6]|\p{Emoji_Presentation}/u;
/** What stands on the character before it. */
const NONE = /\p{Mn}|\p{Cf}/u;

/** How many columns a text takes in a terminal. */
export function textWidth(text: string): number {
  let width = 0;
  for (const character of stripVTControlCharacters(text)) {
    if (!NONE.test(character)) width += WIDE.test(character) ? 2 : 1;
  }
  return width;
}

/** The end of a path that fits into so many columns, from a separator on where that leaves something. */
export function shortenPath(text: string, columns: number): string {
  if (textWidth(text) <= columns) return text;
  const characters = Array.from(text);
  let start = characters.length;
  for (let width = 1; start > 0; start--) {
    width += textWidth(characters[start - 1]!);
    if (width > columns) break;
  }
  const end = characters.slice(start).join('');
  const separator = end.search(/[\\/]/);
  return `…${separator > 0 ? end.slice(separator) : end}`;
}

/**
 * A text in lines of so many columns, broken between words; what follows a break is indented by two more than its line.
 * A word that is too long, such as a path, stays whole.
 */
export function wrapText(text: string, columns: number = Infinity): string {
  return text
    .split('\n')
    .map((line) => (textWidth(line) <= columns ? line : wrapLine(line, columns)))
    .join('\n');
}

function wrapLine(line: string, columns: number): string {
  const indent = `${/^ */.exec(line)?.[0]}  `;
  const lines: string[] = [];
  let current = '';
  for (const word of line.trimEnd().split(/(?<=\S) /)) {
    const longer = current === '' ? word : `${current} ${word}`;
    if (current === '' || textWidth(longer) <= columns) current = longer;
    else {
      lines.push(current);
      current = `${indent}${word}`;
    }
  }
  return [...lines, current].join('\n');
}
