// Isolates what no restarter can go below on this machine: the system's notice of a save, the boot of a bare Node.js
// process, the cold start of the same Express app. Context for the figures above, without goals.
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { renameSync, watch, writeFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { untilAnswered } from '../lib/poll.js';
import { withProcess } from '../lib/processes.js';
import { BENCH, withProject } from '../lib/project.js';
import { median, percentile, round } from '../lib/statistics.js';
import { withTimeout } from '../lib/time.js';

export const title = 'Floor: what the machine takes';

export const columns = [
  ['what', 'what'],
  ['times', 'times'],
  ['medianMs', 'median ms'],
  ['p95Ms', 'p95 ms'],
];

export async function run({ quick, log }) {
  const times = quick ? 5 : 20;
  const rows = [];
  for (const [what, measure] of [
    ['a save is noticed (fs.watch, file renamed over)', noticeSave],
    ['fork of a bare Node.js process, to its first message', bootNode],
    ['cold start of the Express app, to its first answer', startExpress],
  ]) {
    log(what);
    const measured = [];
    for (let index = 0; index < times; index++) measured.push(await measure());
    rows.push({ what, times, medianMs: round(median(measured), 2), p95Ms: round(percentile(measured, 0.95), 2) });
  }
  return { rows, goals: [] };
}

function noticeSave() {
  return withProject('express', async ({ dir }) => {
    const file = path.join(dir, 'app.js');
    writeFileSync(`${file}.tmp~`, '');
    const watcher = watch(dir);
    try {
      // The events of the temporary file are past.
      await delay(20);
      const noticed = new Promise((resolve) => {
        watcher.on('change', (_, name) => name === 'app.js' && resolve(performance.now()));
      });
      const savedAt = performance.now();
      renameSync(`${file}.tmp~`, file);
      return (await withTimeout(noticed, 5000, 'event of the save')) - savedAt;
    } finally {
      watcher.close();
    }
  });
}

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

function startExpress() {
  return withProject('express', (project) => {
    const began = performance.now();
    return withProcess(
      process.execPath,
      ['app.js'],
      { cwd: project.dir, env: { PORT: String(project.port) } },
      async () => {
        await untilAnswered(project.port);
        return performance.now() - began;
      },
    );
  });
}
