// Isolates what a restart leaves behind: the same app restarted a thousand times in a row, under a client that asks
// now and then. Memory, descriptors and processes of the first hundred against the last, and the time that a restart takes.
import { setTimeout as delay } from 'node:timers/promises';
import { request } from '../lib/clients.js';
import { atMost, exactly } from '../lib/goals.js';
import { descendantsOf, openDescriptorsOf, residentMemoryOf } from '../lib/proc.js';
import { withProject } from '../lib/project.js';
import { withRestarter } from '../lib/restarter.js';
import { median, round } from '../lib/statistics.js';

const MB = 1e6;
/** From one restart to the next, in milliseconds: those that come faster count as a stream, which waits for its end. */
const INTERVAL = 260;
const SAMPLES = 100;
/** How much more the last may take than the first: a heap breathes. */
const FLAT = 1.1;
const FLAT_RSS = 1.2;

export const title = 'A thousand restarts in a row';

export const columns = [
  ['what', 'what'],
  ['first', 'first'],
  ['last', 'last'],
  ['ratio', 'times'],
];

export async function run({ quick, log }) {
  const restarts = quick ? 100 : 1000;
  // In a quick run the first tenth against the last, too.
  const window = restarts / 10;
  const every = Math.max(1, restarts / SAMPLES / 5);
  const { samples, commits, failed } = await withProject('counter', (project) =>
    withRestarter(project, {}, async (restarter) => {
      const samples = [];
      let failed = 0;
      let next = performance.now();
      for (let index = 1; index <= restarts; index++) {
        next = Math.max(next + INTERVAL, performance.now());
        await delay(Math.max(0, next - performance.now()));
        restarter.restart();
        await restarter.committed(index + 1);
        await request(project.port).catch(() => failed++);
        await restarter.drained(index);
        await restarter.standbyAfter(index + 1);
        if (index % every === 0) samples.push({ index, ...(await sampleOf(restarter)) });
        if (index % (restarts / 10) === 0) log(`${index} of ${restarts} restarts`);
      }
      return { samples, failed, commits: restarter.all('committed').slice(1) };
    }),
  );
  const rows = [
    ...['heapMB', 'rssMB', 'descriptors', 'processes'].map((key) => rowOf(key, samples, restarts, window)),
    timeRow(commits),
  ];
  const [heap, rss, descriptors, processes, time] = rows;
  const goals = [
    exactly('restarts', restarts, commits.length),
    exactly('failed', 0, failed),
    atMost(`heap of the primary, last ${window} against the first`, FLAT, 'times', heap.ratio),
    atMost(`RSS of the primary, last ${window} against the first`, FLAT_RSS, 'times', rss.ratio),
    exactly(`more open descriptors in the last ${window}`, 0, descriptors.last - descriptors.first),
    exactly(`more processes in the last ${window}`, 0, processes.last - processes.first),
    atMost('change to commit, last 11 against the tenth and those around it', FLAT_RSS, 'times', time.ratio),
  ];
  const note = `An app with keep(), a restart every ${INTERVAL} ms or as soon as the old process has ended and the next standby is warm; then a sample is taken, of the heap without garbage. Medians of the first and last ${window} restarts.`;
  const chart = (key, label, title) => ({
    file: `thousand-restarts-${key === 'rssMB' ? 'memory' : 'time'}`,
    title,
    kind: 'lines',
    x: { label: 'restarts', scale: 'linear' },
    y: { label, scale: 'linear' },
    series: [],
  });
  const charts = [
    {
      ...chart('rssMB', 'MB', 'Memory of the primary over a thousand restarts'),
      series: [
        { name: 'RSS', points: samples.map(({ index, rssMB }) => [index, rssMB]) },
        { name: 'heap', points: samples.map(({ index, heapMB }) => [index, heapMB]) },
      ],
    },
    {
      ...chart('time', 'ms, median of ten', 'Change to commit over a thousand restarts'),
      series: [{ name: 'handover', points: mediansOfTen(commits) }],
    },
  ];
  return { rows, goals, note, charts };
}

async function sampleOf(restarter) {
  return {
    heapMB: round((await restarter.heapUsed()) / MB, 2),
    rssMB: round(residentMemoryOf(restarter.pid) / MB),
    descriptors: openDescriptorsOf(restarter.pid),
    processes: descendantsOf(restarter.pid).length,
  };
}

const NAMES = {
  heapMB: 'heap of the primary, MB',
  rssMB: 'RSS of the primary, MB',
  descriptors: 'open descriptors of the primary',
  processes: 'processes below it',
};

function rowOf(key, samples, restarts, window) {
  const of = (isIn) => median(samples.filter(({ index }) => isIn(index)).map((sample) => sample[key]));
  const first = of((index) => index <= window);
  const last = of((index) => index > restarts - window);
  return { what: NAMES[key], first: round(first, 2), last: round(last, 2), ratio: round(last / first, 2) };
}

function timeRow(commits) {
  const times = commits.map(({ totalMs }) => totalMs);
  const [first, last] = [median(times.slice(4, 15)), median(times.slice(-11))];
  return {
    what: 'change to commit, ms: restarts 5 to 15, last 11',
    first: round(first),
    last: round(last),
    ratio: round(last / first, 2),
  };
}

function mediansOfTen(commits) {
  return Array.from({ length: Math.floor(commits.length / 10) }, (_, index) => {
    const times = commits.slice(index * 10, index * 10 + 10).map(({ totalMs }) => totalMs);
    return [index * 10 + 10, round(median(times))];
  });
}
