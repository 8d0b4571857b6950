// Isolates what a restarter costs while nobody saves: processor time and memory of every process, at rest.
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { atMost } from '../lib/goals.js';
import { untilAnswered } from '../lib/poll.js';
import { commandOf, cpuTimeOf, descendantsOf, proportionalMemoryOf, residentMemoryOf } from '../lib/proc.js';
import { withProcess } from '../lib/processes.js';
import { ROOT, withProject } from '../lib/project.js';
import { round } from '../lib/statistics.js';

const MB = 1e6;

export const title = 'Idle: at rest';

export const columns = [
  ['process', 'process'],
  ['seconds', 'seconds'],
  ['cpuMs', 'processor ms'],
  ['rssMB', 'RSS MB'],
  ['pssMB', 'PSS MB'],
];

export async function run({ quick, log }) {
  const seconds = quick ? 3 : 10;
  // Until the heaps of processes that have just booted are tidied up.
  const settle = quick ? 3000 : 10_000;
  const rows = await withProject('counter', (project) => {
    const settings = { cwd: project.dir, env: { PORT: String(project.port) } };
    return withProcess(
      process.execPath,
      [path.join(ROOT, 'dist', 'cli.js'), 'app.js'],
      settings,
      async ({ pid: primary }) => {
        const { pid: worker } = await untilAnswered(project.port);
        log(`at rest for ${seconds} s`);
        await delay(settle);
        const pids = [primary, ...descendantsOf(primary)];
        const before = pids.map(cpuTimeOf);
        await delay(seconds * 1000);
        return pids.map((pid, index) => ({
          process: nameOf(pid, primary, worker),
          seconds,
          cpuMs: round(cpuTimeOf(pid) - before[index]),
          rssMB: round(residentMemoryOf(pid) / MB),
          pssMB: round(proportionalMemoryOf(pid) / MB),
        }));
      },
    );
  });
  const goals = [
    ...rows.map((row) => atMost(`processor time in ${seconds} s`, 10, 'ms', row.cpuMs, row.process)),
    atMost('resident memory of the primary', 70, 'MB', rows[0].rssMB),
  ];
  return { rows, goals };
}

function nameOf(pid, primary, worker) {
  if (pid === primary) return 'primary';
  if (pid === worker) return 'worker';
  return commandOf(pid)[0].includes('node') ? 'standby' : 'guardian';
}
