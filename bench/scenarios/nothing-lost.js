// Isolates what clients lose by a restart: saves under constant load, every request accounted for. The pause is what
// the restarter itself reports of each commit; the waits and the save to new code are what clients see.
import { setTimeout as delay } from 'node:timers/promises';
import { request, withLoad } from '../lib/clients.js';
import { atMost, exactly } from '../lib/goals.js';
import { withProject } from '../lib/project.js';
import { withRestarter } from '../lib/restarter.js';
import { median, percentile, round } from '../lib/statistics.js';
import { humanPause } from '../lib/time.js';

/** The pause that a keep() app with a small state may have, in milliseconds. */
const PAUSE_LIMIT = 15;
/** Requests between a commit and the next save. */
const MORE_LOAD = 60;
/** Requests until the clients and the first generation run at their speed. */
const WARM_UP = 500;
/** How long the load goes on without a save, to tell the waits that no restart has caused, in milliseconds. */
const QUIET = 1000;

const VARIANTS = [
  { name: 'POST, keep()', app: 'counter', method: 'POST', isSmall: true },
  { name: 'GET, keep()', app: 'counter', method: 'GET', isSmall: true },
  { name: 'POST, save() and start()', app: 'entry-form', entry: 'entry.js', method: 'POST' },
  { name: 'POST, keep(), --fresh', app: 'counter', method: 'POST', options: { fresh: true } },
  { name: 'POST, keep(), --no-overlap', app: 'counter', method: 'POST', options: { overlap: false } },
];

export const title = 'Nothing lost: saves under load';

export const columns = [
  ['variant', 'variant'],
  ['node', 'Node.js'],
  ['restarts', 'restarts'],
  ['requests', 'requests'],
  ['failed', 'failed'],
  ['acknowledged', 'acknowledged'],
  ['counted', 'counted'],
  ['repeated', 'repeated'],
  ['pauseMedianMs', 'pause, median ms'],
  ['pauseP95Ms', 'p95 ms'],
  ['longestWaitMs', 'longest wait of a request, ms'],
  ['longestQuietWaitMs', 'the same in a second without a save'],
  ['newCodeMedianMs', 'save to new code, median ms'],
];

export async function run({ quick, nodes, log }) {
  const saves = quick ? 10 : 50;
  const rows = [];
  const goals = [];
  for (const node of nodes) {
    for (const variant of VARIANTS) {
      log(`${variant.name} on Node.js ${node.version}: ${saves} saves`);
      const row = await measure(variant, node, saves);
      rows.push(row);
      goals.push(...goalsOf(row, variant, saves));
    }
  }
  const note =
    '20 clients without a break, 15 of them on keep-alive connections. A save comes 150 to 400 ms after the standby for it was ready, ' +
    'as a person would save; the time to new code contains the wait that widens while saves come this fast.';
  return { rows, goals, note };
}

function measure({ name, app, entry = 'app.js', method, options }, node, saves) {
  return withProject(app, (project) =>
    withRestarter(project, { node: node.path, entry, ...options }, async (restarter) => {
      const body = method === 'POST' ? 'x'.repeat(100) : undefined;
      const load = await withLoad(project.port, { method, path: '/count', body }, async (load) => {
        await load.more(WARM_UP);
        load.takeLongestMs();
        await delay(QUIET);
        load.quietMs = load.takeLongestMs();
        const newCode = [];
        for (let index = 0; index < saves; index++) {
          const generation = index + 1;
          await load.more(MORE_LOAD);
          await restarter.standbyAfter(generation);
          await delay(humanPause(index));
          const { savedAt, version } = await project.save();
          await restarter.committed(generation + 1);
          await load.more(MORE_LOAD);
          newCode.push(load.firstSeen.get(version) - savedAt);
        }
        load.newCode = newCode;
        return load;
      });
      // Asked when the load has ended, so that every request is counted.
      const { count } = await request(project.port);
      const commits = restarter.all('committed').slice(1);
      const pauses = commits.map(({ pauseMs }) => pauseMs);
      return {
        variant: name,
        node: node.version,
        restarts: pauses.length,
        requests: load.requests,
        failed: load.failed,
        ...(load.failed > 0 && { failures: load.failures }),
        acknowledged: load.acknowledged,
        counted: count,
        repeated: load.acknowledged - load.counts.size,
        pauseMedianMs: round(median(pauses)),
        pauseP95Ms: round(percentile(pauses, 0.95)),
        phaseMediansMs: phaseMedians(commits),
        longestWaitMs: round(load.takeLongestMs()),
        longestQuietWaitMs: round(load.quietMs),
        newCodeMedianMs: round(median(load.newCode)),
        newCodeP95Ms: round(percentile(load.newCode, 0.95)),
      };
    }),
  );
}

/** Where the time of a restart goes. */
function phaseMedians(commits) {
  const times = {};
  for (const { name, ms } of commits.flatMap(({ phases }) => phases)) (times[name] ??= []).push(ms);
  return Object.fromEntries(Object.entries(times).map(([name, all]) => [name, round(median(all))]));
}

function goalsOf(row, { isSmall }, saves) {
  const where = `${row.variant}, Node.js ${row.node}`;
  return [
    exactly('failed', 0, row.failed, where),
    exactly(
      'acknowledged but not counted, or counted but not acknowledged',
      0,
      Math.abs(row.acknowledged - row.counted),
      where,
    ),
    exactly('repeated', 0, row.repeated, where),
    exactly('restarts', saves, row.restarts, where),
    ...(isSmall
      ? [atMost('median pause of keep() with a small state', PAUSE_LIMIT, 'ms', row.pauseMedianMs, where)]
      : []),
  ];
}
