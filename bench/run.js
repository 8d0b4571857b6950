// Runs benchmark scenarios: progress and tables to stderr, a line of JSON for each scenario to stdout. Exits with 1 when
// a goal was missed or a scenario failed.
import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { writeCharts } from './lib/chart.js';
import { machine } from './lib/machine.js';
import { stopAll } from './lib/processes.js';
import { BENCH, ROOT } from './lib/project.js';
import { describe, writeResults, writeScenario } from './lib/report.js';

const DOCS = path.join(ROOT, 'docs');
const USAGE = 'usage: node bench/run.js [scenario...] [--node <path>]... [--quick] [--charts <folder>] [--write-docs]';
/** From what is promised first to what is only context. */
const ORDER = [
  'nothing-lost',
  'save-to-new-code',
  'state',
  'growth-modules',
  'growth-dependencies',
  'growth-files',
  'idle-connections',
  'thousand-restarts',
  'burst',
  'steady-state',
  'idle',
  'floor',
  'frameworks',
  'reconnecting',
  'clients',
  'background',
];
/** What takes too long to be run with the others. */
const ALONE = ['soak'];

const log = (text) => process.stderr.write(`${text}\n`);
for (const signal of ['SIGINT', 'SIGTERM']) {
  process.once(signal, () => void stopAll().finally(() => process.exit(1)));
}

const { names, nodes, quick, charts: chartsDir, writeDocs } = await readArguments();
const results = [];
let isGood = true;
/** One of those that are written together. */
let isOneMissing = false;
for (const name of names) {
  const { title, columns, page, run } = await import(`./scenarios/${name}.js`);
  log(`\n${title}`);
  try {
    const { rows, goals, note, charts = [] } = await run({ quick, nodes, log: (text) => log(`  ${text}`) });
    const result = { name, page, title, columns, rows, goals, note, charts };
    results.push(result);
    if (writeDocs && page !== undefined) await writeScenario(path.join(DOCS, page), machine(), result);
    if (chartsDir) await writeCharts(chartsDir, charts);
    isGood &&= goals.every(({ met }) => met);
    print({ scenario: name, quick, machine: machine(), rows, goals, note });
  } catch (error) {
    isGood = false;
    isOneMissing ||= page === undefined;
    log(error.stack);
    print({ scenario: name, quick, machine: machine(), error: error.message });
  }
}
for (const result of results) log(`\n${describe(result)}`);
const together = results.filter(({ page }) => page === undefined);
if (writeDocs && !isOneMissing && together.length > 0) {
  await writeResults(path.join(DOCS, 'benchmarks.md'), machine(), together);
}
log(isGood ? '\nEvery goal was met.' : '\nNot every goal was met.');
process.exitCode = isGood ? 0 : 1;

function print(result) {
  process.stdout.write(`${JSON.stringify(result)}\n`);
}

async function readArguments() {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      node: { type: 'string', multiple: true, default: [process.execPath] },
      quick: { type: 'boolean', default: false },
      charts: { type: 'string' },
      'write-docs': { type: 'boolean', default: false },
    },
  });
  const files = await readdir(path.join(BENCH, 'scenarios'));
  const unknown = positionals.find((name) => !files.includes(`${name}.js`));
  if (unknown !== undefined) fail(`there is no scenario ${unknown}; there are ${[...ORDER, ...ALONE].join(', ')}`);
  if (process.platform !== 'linux') fail('the benchmarks read /proc and need Linux');
  if (!existsSync(path.join(ROOT, 'dist', 'index.js'))) fail('handover is not built; run npm run build first');
  const writeDocs = values['write-docs'];
  if (writeDocs && values.quick) fail('--write-docs needs a whole run: without --quick');
  const together = [];
  for (const name of ORDER) if ((await import(`./scenarios/${name}.js`)).page === undefined) together.push(name);
  const named = together.filter((name) => positionals.includes(name));
  if (writeDocs && named.length > 0 && named.length < together.length)
    fail(`--write-docs writes these together, name all of them or none: ${together.join(' ')}`);
  const names = positionals.length > 0 ? positionals : ORDER;
  return { names, nodes: values.node.map(nodeAt), quick: values.quick, charts: values.charts, writeDocs };
}

function nodeAt(file) {
  try {
    return { path: file, version: execFileSync(file, ['-p', 'process.versions.node'], { encoding: 'utf8' }).trim() };
  } catch (error) {
    return fail(`--node ${file}: ${error.message}`);
  }
}

function fail(message) {
  log(`${message}\n${USAGE}`);
  process.exit(2);
}
