// Isolates what open connections cost a restart, on which nothing happens: whether all survive, whether moving them
// delays the commit, and how long it takes until each has moved. Beside it the same app without any connections restarts, in turns.
import { setTimeout as delay } from 'node:timers/promises';
import { request } from '../lib/clients.js';
import { atMost, exactly } from '../lib/goals.js';
import { withIdleConnections } from '../lib/idle-connections.js';
import { descriptorLimit } from '../lib/proc.js';
import { untilAtRest } from '../lib/at-rest.js';
import { withRestarter } from '../lib/restarter.js';
import { median, round } from '../lib/statistics.js';
import { withProjects } from '../lib/turns.js';

/** How much longer until the commit with all these connections than without. */
const DELAY_LIMIT = 1.2;
/** Milliseconds for each connection. Of a few the fixed cost of a drain would be told, not theirs. */
const MOVE_LIMIT = 0.6;
const FEWEST = 100;
/** How long after a commit all must have moved, in milliseconds for each. */
const LONGEST_MOVE = 5;

export const title = 'Idle connections: what they cost a restart';

export const columns = [
  ['connections', 'open connections'],
  ['restarts', 'restarts'],
  ['failed', 'failed on them afterwards'],
  ['commitMs', 'change to commit, median ms'],
  ['aloneMs', 'without them'],
  ['ratio', 'times'],
  ['pauseMs', 'pause, median ms'],
  ['movedMs', 'commit to all moved, median ms'],
  ['eachMs', 'each, ms'],
  ['newMs', 'longest answer on a new connection meanwhile, ms'],
];

export async function run({ quick, log }) {
  const sizes = quick ? [10, 1000] : [10, 100, 1000, 10_000];
  // Node.js raises its own limit as far as it may.
  if (descriptorLimit() < sizes.at(-1) + 1000) throw new Error(`too few descriptors; raise "ulimit -Hn" first`);
  const rows = [];
  for (const connections of sizes) {
    log(`${connections} connections`);
    // With few of them a restart is soon over, and the figures are small.
    rows.push(await measure(connections, quick ? 2 : connections > 1000 ? 2 : 4));
  }
  const goals = rows.flatMap((row) => {
    const where = `${row.connections.toLocaleString('en-US')} connections`;
    return [
      exactly('failed on a connection that moved', 0, row.failed, where),
      atMost('change to commit, against none', DELAY_LIMIT, 'times', row.ratio, where),
      ...(row.connections >= FEWEST ? [atMost('moving each', MOVE_LIMIT, 'ms', row.eachMs, where)] : []),
    ];
  });
  const note =
    'An app with keep(). Each connection has been answered once and is open. After each restart every one is asked again, one after the other: each must answer, and with the new code. All have moved when the new process has got the last.';
  const x = { label: 'open connections', scale: 'log' };
  const points = (key) => rows.map((row) => [row.connections, row[key]]);
  const charts = [
    {
      file: 'idle-connections-commit',
      title: 'Change to commit, by the number of idle connections',
      kind: 'lines',
      x,
      y: { label: 'median ms', scale: 'linear' },
      series: [
        { name: 'with them', points: points('commitMs') },
        { name: 'without', points: points('aloneMs') },
      ],
    },
    {
      file: 'idle-connections-moved',
      title: 'Commit to all moved, by the number of idle connections',
      kind: 'lines',
      x,
      y: { label: 'median ms', scale: 'log' },
      series: [{ name: 'all moved', points: points('movedMs') }],
    },
  ];
  return { rows, goals, note, charts };
}

function measure(connections, restarts) {
  const env = { EXPECTED: String(connections) };
  return withProjects('connections', 2, ([project, alone]) =>
    withRestarter(alone, { env }, (unburdened) =>
      withRestarter(project, { env }, (restarter) =>
        withIdleConnections(project.port, connections, async (idle) => {
          const results = [];
          for (let generation = 2; generation <= restarts + 1; generation++) {
            await restart(alone, unburdened, generation);
            results.push(await restartWith(idle, connections, project, restarter, generation));
          }
          return rowOf(connections, results, [restarter, unburdened]);
        }),
      ),
    ),
  );
}

/** A save at rest; resolves with its commit and its version. */
async function restart(project, restarter, generation) {
  await restarter.standbyAfter(generation - 1);
  await untilAtRest(restarter.pid);
  const { version } = await project.save();
  return { ...(await restarter.committed(generation)), version };
}

async function restartWith(idle, connections, project, restarter, generation) {
  const { at, version } = await restart(project, restarter, generation);
  const began = performance.now();
  let longestNewMs = 0;
  let allAt = null;
  while (allAt === null) {
    await delay(20);
    const asked = performance.now();
    ({ allAt } = await request(project.port));
    longestNewMs = Math.max(longestNewMs, performance.now() - asked);
    if (performance.now() - began > 2000 + connections * LONGEST_MOVE) break;
  }
  const { answered, failed } = await idle.ask();
  return {
    // Answered by old code is as bad as not answered.
    failed: failed + connections - failed - (answered[version] ?? 0),
    movedMs: allAt === null ? undefined : allAt - at,
    longestNewMs,
  };
}

function rowOf(connections, results, restarters) {
  const [commits, alone] = restarters.map((restarter) => restarter.all('committed').slice(1));
  const totals = [commits, alone].map((list) => median(list.map(({ totalMs }) => totalMs)));
  const moved = results.map(({ movedMs }) => movedMs).filter((time) => time !== undefined);
  const movedMs = moved.length === results.length ? median(moved) : undefined;
  return {
    connections,
    restarts: commits.length,
    failed: results.reduce((sum, { failed }) => sum + failed, 0),
    commitMs: round(totals[0]),
    aloneMs: round(totals[1]),
    ratio: round(totals[0] / totals[1], 2),
    pauseMs: round(median(commits.map(({ pauseMs }) => pauseMs))),
    movedMs: round(movedMs),
    eachMs: round(movedMs / connections, 3),
    newMs: round(Math.max(...results.map(({ longestNewMs }) => longestNewMs))),
  };
}
