// Isolates what a growing state costs: the pause, and the peak memory of each process above that of the same app with an
// empty state. The state's size is that of its serialized bytes, which is less than what its objects take in a heap.
import { setTimeout as delay } from 'node:timers/promises';
import { withLoad } from '../lib/clients.js';
import { atMost, below, exactly } from '../lib/goals.js';
import { peakMemoryOf } from '../lib/proc.js';
import { withProject } from '../lib/project.js';
import { withRestarter } from '../lib/restarter.js';
import { median, round } from '../lib/statistics.js';

const MB = 1e6;
const EMPTY = { name: 'empty', bytes: 0, recordBytes: 1000 };
const SIZES = [
  { name: '1 kB', bytes: 1000, recordBytes: 1000 },
  { name: '1 MB', bytes: MB, recordBytes: 1000 },
  { name: '10 MB', bytes: 10 * MB, recordBytes: 1000 },
  { name: '100 MB', bytes: 100 * MB, recordBytes: 1000, hasGoals: true },
  { name: '256 MB', bytes: 256 * MB, recordBytes: 1000 },
  // Nothing is promised for it: a heap needs several times the bytes of so many small objects to hold them at all.
  { name: '100 MB in small records', bytes: 100 * MB, recordBytes: 100 },
];

export const title = 'State: what its size costs';

export const columns = [
  ['state', 'kept Map'],
  ['records', 'records'],
  ['blobMB', 'serialized MB'],
  ['restarts', 'restarts'],
  ['pauseMedianMs', 'pause, median ms'],
  ['pauseLongestMs', 'longest ms'],
  ['totalMedianMs', 'total, median ms'],
  ['oldMB', 'old worker MB'],
  ['newMB', 'new worker MB'],
  ['primaryMB', 'primary MB'],
  ['oldTimes', 'old worker ÷ state'],
  ['newTimes', 'new worker ÷ state'],
  ['primaryTimes', 'primary ÷ state'],
  ['failed', 'failed'],
];

export async function run({ quick, log }) {
  const restarts = quick ? 2 : 5;
  log('empty state');
  const baseline = await measure(EMPTY, restarts);
  const rows = [];
  const goals = [];
  for (const size of SIZES) {
    log(size.name);
    const row = rowOf(size, await measure(size, restarts), baseline);
    rows.push(row);
    goals.push(exactly('failed', 0, row.failed, size.name), ...(size.hasGoals ? goalsOf(row) : []));
  }
  const note =
    'Records of 1 kB, small ones of 100 bytes; 4 clients ask meanwhile. The memory of a process is its peak above that with an empty state, ÷ state: as a multiple of the serialized bytes. The restart that follows the making of the state is not counted.';
  return { rows, goals, note, charts: chartsOf(rows) };
}

/** How pause and memory grow with the state, in records of 1 kB. */
function chartsOf(rows) {
  const grown = rows.filter((row, index) => SIZES[index].recordBytes === 1000);
  const x = { label: 'state, MB', scale: 'log' };
  const line = (name, key) => ({
    name,
    points: grown.filter((row) => row[key] > 0).map((row) => [row.blobMB, row[key]]),
  });
  const pause = {
    file: 'state',
    title: 'Pause by the size of the state',
    kind: 'lines',
    x,
    y: { label: 'pause, ms', scale: 'log' },
    series: [line('median', 'pauseMedianMs'), line('longest', 'pauseLongestMs')],
  };
  // Of a small state the noise of the heap would be drawn.
  const large = (name, key) => {
    const { points } = line(name, key);
    return { name, points: points.filter(([megabytes]) => megabytes >= 9) };
  };
  const memory = {
    file: 'state-memory',
    title: 'Peak memory above that with an empty state, by the size of the state',
    kind: 'lines',
    x,
    y: { label: 'memory, MB', scale: 'log' },
    series: [large('old worker', 'oldMB'), large('new worker', 'newMB'), large('primary', 'primaryMB')],
  };
  return [pause, memory];
}

function measure({ bytes, recordBytes }, restarts) {
  return withProject('maps', (project) => {
    const env = { STATE_BYTES: String(bytes), RECORD_BYTES: String(recordBytes) };
    return withRestarter(project, { env, measureMemory: true }, async (restarter) => {
      const failed = await withLoad(project.port, { clients: 4 }, async (load) => {
        for (let generation = 1; generation <= restarts + 1; generation++) {
          await restarter.standbyAfter(generation);
          await delay(500);
          await project.save();
          await restarter.committed(generation + 1);
        }
        await load.more(10);
        return load;
      });
      // The process that made the state has its peak from making it.
      const counted = restarter.all('committed').slice(2);
      return {
        counted,
        stateBytes: restarter.all('receipt').at(-1).stateBytes,
        old: Math.max(...counted.map(({ memory }) => memory.old)),
        new: Math.max(...counted.map(({ memory }) => memory.new)),
        primary: peakMemoryOf(restarter.pid),
        failed: failed.failed,
      };
    });
  });
}

function rowOf({ name, bytes, recordBytes }, measured, baseline) {
  const { counted, stateBytes } = measured;
  const pauses = counted.map(({ pauseMs }) => pauseMs);
  const row = {
    state: name,
    records: Math.ceil(bytes / recordBytes),
    blobMB: round(stateBytes / MB, 3),
    restarts: counted.length,
    pauseMedianMs: round(median(pauses)),
    pauseLongestMs: round(Math.max(...pauses)),
    totalMedianMs: round(median(counted.map(({ totalMs }) => totalMs))),
    failed: measured.failed,
  };
  for (const name of ['old', 'new', 'primary']) {
    const above = measured[name] - baseline[name];
    row[`${name}MB`] = round(above / MB);
    // Of a small state the noise of the heap would be told, not the state.
    row[`${name}Times`] = stateBytes >= 9 * MB ? round(above / stateBytes, 2) : null;
  }
  return row;
}

function goalsOf(row) {
  return [
    atMost(`median pause with ${row.state}`, 500, 'ms', row.pauseMedianMs),
    below(`longest pause with ${row.state}`, 3000, 'ms', row.pauseLongestMs),
    ...['old', 'new', 'primary'].map((name) =>
      below(`peak memory with ${row.state}`, 4, 'times the state', row[`${name}Times`], name),
    ),
  ];
}
