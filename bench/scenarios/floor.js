// Isolates what no restarter can go below on this machine: the system's notice of a save, and, of each app of
// save-to-new-code, the import of its own modules by a process that has loaded its packages. Beside it what a restart
// takes that prepares nothing: the boot of a bare Node.js process, the cold start. Context, without goals.
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import path from 'node:path';
import { noticeSave, saveAndImport } from '../lib/limit.js';
import { untilAnswered } from '../lib/poll.js';
import { withProcess } from '../lib/processes.js';
import { BENCH, withProject } from '../lib/project.js';
import { median, percentile, round } from '../lib/statistics.js';
import { withTimeout } from '../lib/time.js';
import { NODE_24, TSX_LOADER } from '../lib/tools.js';

const APPS = [
  { name: 'Express', folder: 'express' },
  { name: 'heavy', folder: 'heavy' },
  { name: 'TypeScript (tsx)', folder: 'typescript', execArgv: TSX_LOADER },
  { name: 'TypeScript (Node.js 24)', folder: 'typescript', node: NODE_24 },
  { name: 'CommonJS', folder: 'commonjs' },
].filter(({ node }) => !node || existsSync(node));

export const title = 'Floor: what the machine takes';

export const columns = [
  ['what', 'what'],
  ['times', 'times'],
  ['medianMs', 'median ms'],
  ['p95Ms', 'p95 ms'],
];

export async function run({ quick, log }) {
  const times = quick ? 3 : 10;
  const rows = [];
  for (const [what, measure] of [
    ['a save is noticed (fs.watch, file renamed over)', notice],
    ['fork of a bare Node.js process, to its first message', bootNode],
    ...APPS.map((app) => [`import of the own modules of the ${app.name} app, packages loaded`, () => importOwn(app)]),
    ...APPS.map((app) => [`cold start of the ${app.name} app, to its first answer`, () => startCold(app)]),
  ]) {
    log(what);
    const measured = [];
    for (let index = 0; index < times; index++) measured.push(await measure());
    rows.push({ what, times, medianMs: round(median(measured), 2), p95Ms: round(percentile(measured, 0.95), 2) });
  }
  return { rows, goals: [] };
}

const notice = () => withProject('express', noticeSave);

async function bootNode() {
  const began = performance.now();
  const child = fork(path.join(BENCH, 'lib', 'bare.js'));
  const ended = once(child, 'exit');
  try {
    await withTimeout(once(child, 'message'), 10_000, 'message of the bare process');
    return performance.now() - began;
  } finally {
    child.kill('SIGKILL');
    await ended;
  }
}

function importOwn({ folder, ...how }) {
  return withProject(folder, async (project) => (await saveAndImport(project, how)).importMs);
}

function startCold({ folder, node = process.execPath, execArgv = [] }) {
  return withProject(folder, (project) => {
    const settings = { cwd: project.dir, env: { PORT: String(project.port) } };
    const began = performance.now();
    return withProcess(node, [...execArgv, project.entry], settings, async () => {
      await untilAnswered(project.port);
      return performance.now() - began;
    });
  });
}
