// Isolates what becomes of work that no client asks for: apps that never listen, restarted while they work. Each numbers
// what it does in kept state, and rests between the capture and the next generation.
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { withCommandLine } from '../lib/command-line.js';
import { exactly } from '../lib/goals.js';
import { withProject } from '../lib/project.js';
import { median, round } from '../lib/statistics.js';

const APPS = [
  { name: 'a queue consumer, 2 ms a job', app: 'queue' },
  { name: 'a cron-like loop, every 20 ms', app: 'cron' },
];
const LONGEST = 10_000;

export const page = 'connections.md';

export const title = 'Apps that never listen';

export const columns = [
  ['name', 'app'],
  ['node', 'Node.js'],
  ['restarts', 'restarts'],
  ['jobs', 'jobs'],
  ['doubled', 'doubled'],
  ['skipped', 'skipped'],
  ['longestGapMs', 'longest time between two, ms'],
  ['pauseMedianMs', 'pause, median ms'],
];

export async function run({ quick, nodes, log }) {
  const saves = quick ? 3 : 20;
  const rows = [];
  for (const node of nodes) {
    for (const app of APPS) {
      log(`${app.name} on Node.js ${node.version}`);
      rows.push(await measure(app, node, saves));
    }
  }
  const goals = rows.flatMap(({ name, node, ...row }) => {
    const where = `${name}, Node.js ${node}`;
    return [
      exactly('restarts', saves, row.restarts, where),
      exactly('doubled', 0, row.doubled, where),
      exactly('skipped', 0, row.skipped, where),
    ];
  });
  const note = 'Each has `onShutdown()` with `pause` and `resume`, and the number of its next job in `keep()`.';
  return { rows, goals, note };
}

function measure({ name, app }, node, saves) {
  return withProject(`frameworks/${app}`, async (project) => {
    const worked = async () =>
      (await readFile(path.join(project.dir, 'work.log'), 'utf8')).trim().split('\n').map(JSON.parse);
    const row = await withCommandLine(project, { node: node.path }, async (tool) => {
      let last = await workOf(worked, project.version);
      await tool.restarts(project, saves, {
        servingPid: () => last.pid,
        onCommitted: async ({ version }) => (last = await workOf(worked, version)),
      });
      return { restarts: tool.generation - 1, pauseMedianMs: round(median(tool.pauses)) };
    });
    const work = await worked();
    const jobs = work.map(({ job }) => job);
    const different = new Set(jobs).size;
    const gaps = work.slice(1).map(({ at }, index) => at - work[index].at);
    return {
      name,
      node: node.version,
      ...row,
      jobs: jobs.length,
      doubled: jobs.length - different,
      skipped: Math.max(...jobs) + 1 - different,
      longestGapMs: Math.max(...gaps),
    };
  });
}

/** Resolves with the last work, as soon as it is that version's. */
async function workOf(worked, version) {
  const deadline = performance.now() + LONGEST;
  while (performance.now() < deadline) {
    const last = (await worked().catch(() => [])).at(-1);
    if (last?.version === version) return last;
    await delay(10);
  }
  throw new Error(`version ${version} did not work within ${LONGEST} ms`);
}
