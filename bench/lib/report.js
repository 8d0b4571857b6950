import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { writeCharts } from './chart.js';
import { describeMachine } from './machine.js';

/** A Markdown table, padded as oxfmt pads it; `columns` are pairs of a row's key and its heading. */
export function table(columns, rows) {
  const cells = rows.map((row) => columns.map(([key]) => textOf(row[key])));
  const isNumber = columns.map(([key]) => rows.every((row) => typeof row[key] === 'number' || row[key] === null));
  const widths = columns.map(([, heading], at) => Math.max(3, heading.length, ...cells.map((row) => row[at].length)));
  const line = (row) =>
    `| ${row.map((text, at) => (isNumber[at] ? text.padStart(widths[at]) : text.padEnd(widths[at]))).join(' | ')} |`;
  const rule = widths.map((width, at) => (isNumber[at] ? `${'-'.repeat(width - 1)}:` : '-'.repeat(width)));
  return [line(columns.map(([, heading]) => heading)), line(rule), ...cells.map(line)].join('\n');
}

function textOf(value) {
  if (value === null || value === undefined) return '–';
  return typeof value === 'number' ? value.toLocaleString('en-US') : String(value);
}

const GOAL_COLUMNS = [
  ['goal', 'goal'],
  ['figures', 'measured'],
  ['met', 'met'],
];

/** One row for each goal, however many figures it is held against. */
function goalRows(goals) {
  const texts = [...new Set(goals.map(({ goal }) => goal))];
  return texts.map((text) => {
    const own = goals.filter(({ goal }) => goal === text);
    const missed = own.filter(({ met }) => !met);
    const figures = own.map(({ figure }) => figure).sort((a, b) => a - b);
    const [least, most] = [textOf(figures[0]), textOf(figures.at(-1))];
    const where = missed.map(({ where, figure }) => `${where ? `${where}: ` : ''}${textOf(figure)}`).join('; ');
    return {
      goal: text,
      figures: least === most ? least : `${least} to ${most}`,
      met: missed.length === 0 ? 'yes' : `NO (${where})`,
    };
  });
}

/** A scenario's results to be read: its charts, if they are anywhere, its rows, its note, its goals. */
export function describe({ title, columns, rows, note, goals, charts }, chartsAt) {
  const images = chartsAt ? charts.map((chart) => `![${chart.title}](${chartsAt}/${chart.file}.svg)`) : [];
  const parts = [`### ${title}`, ...images, table(columns, rows)];
  if (note) parts.push(note);
  if (goals.length > 0) parts.push(table(GOAL_COLUMNS, goalRows(goals)));
  return parts.join('\n\n');
}

const WHOLE_RUN = '<!-- results: written by `npm run bench -- --write-docs` -->';
const END = '<!-- end of results -->';
/** Where a page's charts are, as seen from it. */
const IMAGES = 'images';

/** Puts the results of a whole run between the markers of a page, and their charts beside it. */
export async function writeResults(file, machine, scenarios) {
  const results = scenarios.map((scenario) => describe(scenario, IMAGES));
  await replaceBetween(file, WHOLE_RUN, [measuredOn(machine), ...results]);
  await writeCharts(
    path.join(path.dirname(file), IMAGES),
    scenarios.flatMap(({ charts }) => charts),
  );
}

/** Puts the results of one scenario between its own markers of a page. */
export async function writeScenario(file, machine, { name, columns, rows, note }) {
  const begin = `<!-- results: written by \`npm run bench -- ${name} --write-docs\` -->`;
  await replaceBetween(file, begin, [table(columns, rows), `${note} ${measuredOn(machine)}`]);
}

function measuredOn(machine) {
  return `Measured on ${new Date().toISOString().slice(0, 10)}: ${describeMachine(machine)}.`;
}

async function replaceBetween(file, begin, parts) {
  const page = await readFile(file, 'utf8');
  const from = page.indexOf(begin);
  const to = page.indexOf(END, from);
  if (from < 0 || to < from) throw new Error(`${file} has no "${begin}" … "${END}"`);
  await writeFile(file, page.slice(0, from) + [begin, ...parts, END].join('\n\n') + page.slice(to + END.length));
}
