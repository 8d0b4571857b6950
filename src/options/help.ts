import { USAGE } from './command-line.ts';
import { defaultTextOf, OPTION_TABLE, usageOf, type OptionRow } from './option-table.ts';

const WIDTH = 80;
/** Where the descriptions begin. */
const INDENT = 36;

const OWN_ROWS: [string, string][] = [
  ['-h, --help', 'Print this help.'],
  ['-v, --version', 'Print the version of handover.'],
];

/** What `handover --help` prints: usage, one example, and the options by group; at most 80 columns wide. */
export function helpText(): string {
  const groups = new Map<string, string[]>();
  for (const row of OPTION_TABLE)
    groups.set(row.group, [...(groups.get(row.group) ?? []), entry(headOf(row), textOf(row))]);
  return [
    `Usage: ${USAGE}`,
    '',
    'Restarts a Node.js server on every save, and no client notices.',
    '',
    'Example:',
    '  handover --watch config --ignore "*.log" src/server.ts --port 3000',
    ...[...groups].map(([group, entries]) => `\n${group}:\n${entries.join('\n')}`),
    '',
    'Other:',
    ...OWN_ROWS.map(([head, text]) => entry(head, text)),
    '',
    'A <time> is in milliseconds, or a text such as 500ms, 8s or 2m.',
    '"handover" in package.json takes the same options by their names: {"restartDelay": 50}.',
  ]
    .flatMap((line) => wrap(line, WIDTH))
    .join('\n')
    .concat('\n');
}

function headOf(row: OptionRow): string {
  return `${row.short ? `${row.short}, ` : '    '}${usageOf(row)}`;
}

function textOf(row: OptionRow): string {
  const notes = [
    ...(row.kind === 'list' ? ['repeatable'] : []),
    ...(defaultTextOf(row) === undefined ? [] : [`default: ${defaultTextOf(row)}`]),
  ];
  return `${row.offDoc ?? row.doc}${notes.length > 0 ? ` (${notes.join('; ')})` : ''}`;
}

function entry(head: string, text: string): string {
  const [first = '', ...more] = wrap(text, WIDTH - INDENT);
  return [`  ${head}`.padEnd(INDENT) + first, ...more.map((line) => ' '.repeat(INDENT) + line)].join('\n');
}

function wrap(text: string, width: number): string[] {
  if (text.includes('\n') || text.length <= width) return [text];
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(' ')) {
    if (line !== '' && line.length + 1 + word.length > width) {
      lines.push(line);
      line = word;
    } else line = line === '' ? word : `${line} ${word}`;
  }
  return [...lines, line];
}
