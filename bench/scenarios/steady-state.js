// Isolates what handover costs while nothing is saved: the same app under it, as plain `node app.js` and in one worker
// of Node's own cluster, in turns. Then processor time and memory of its processes at rest.
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { atLeast, atMost, exactly } from '../lib/goals.js';
import { loadOf } from '../lib/load.js';
import { untilAnswered } from '../lib/poll.js';
import { commandOf, cpuTimeOf, descendantsOf, residentMemoryOf } from '../lib/proc.js';
import { startProcess } from '../lib/processes.js';
import { ROOT } from '../lib/project.js';
import { untilAtRest } from '../lib/at-rest.js';
import { median, round } from '../lib/statistics.js';
import { withProjects } from '../lib/turns.js';

const MB = 1e6;
const CONNECTIONS = 16;
const KEEP_ALIVE_LIMIT = 0.98;
const NEW_LIMIT = 1;
/** Processor milliseconds in a second at rest that count as none: a timer of Node.js or the kernel's own work. */
const IDLE_LIMIT = 1;

const SERVERS = [
  { key: 'plain', name: 'node app.js', args: ['app.js'] },
  { key: 'cluster', name: "Node's cluster, one worker", args: ['cluster.js'] },
  { key: 'handover', name: 'handover app.js', args: [path.join(ROOT, 'dist', 'cli.js'), 'app.js'] },
];

const LOADS = [
  { what: 'keep-alive', keepAlive: true, against: 'plain' },
  { what: 'new connection for each request', keepAlive: false, against: 'cluster' },
];

export const title = 'Steady state: what it costs while nothing is saved';

export const columns = [
  ['what', 'what'],
  ...SERVERS.map(({ key, name }) => [key, name]),
  ['ratio', 'handover against plain'],
  ['clusterRatio', 'against the cluster'],
];

export async function run({ quick, log }) {
  // A goal of two hundredths needs many turns.
  const rounds = quick ? 6 : 18;
  const milliseconds = quick ? 500 : 1200;
  const { measured, processes } = await withProjects('bare', SERVERS.length, async (projects) => {
    const servers = SERVERS.map((server, index) => ({ ...server, project: projects[index] }));
    try {
      for (const server of servers) await start(server);
      const measured = await measure(servers, rounds, milliseconds, log);
      return { measured, processes: await atRest(servers.at(-1), quick ? 3 : 8) };
    } finally {
      for (const { process: started } of servers) await started?.stop();
    }
  });
  const rows = [...LOADS.flatMap((load) => rowsOf(load, measured)), ...processRows(processes)];
  const [keepAlive, , fresh] = rows;
  const goals = [
    atLeast('requests a second on keep-alive connections, of plain', KEEP_ALIVE_LIMIT, 'times', keepAlive.ratio),
    atLeast("requests a second on new connections, of Node's cluster", NEW_LIMIT, 'times', fresh.clusterRatio),
    exactly(
      'failed',
      0,
      measured.reduce((sum, { failed }) => sum + failed, 0),
    ),
    ...processes.map(({ name, cpuMs }) => atMost('processor time in a second at rest', IDLE_LIMIT, 'ms', cpuMs, name)),
  ];
  const note = `${CONNECTIONS} connections from a process of its own, the servers in turns; medians of ${rounds} times ${milliseconds} ms, and the ratio of these.`;
  const chart = {
    file: 'steady-state',
    title: 'Requests a second while nothing is saved',
    kind: 'bars',
    unit: 'requests a second',
    scale: 'linear',
    groups: LOADS.map(({ what }) => what),
    series: SERVERS.map(({ key, name }) => ({ name, values: [keepAlive[key], fresh[key]] })),
  };
  return { rows, goals, note, charts: [chart] };
}

async function start(server) {
  const { project } = server;
  const env = { PORT: String(project.port) };
  server.process = startProcess(process.execPath, server.args, { cwd: project.dir, env });
  await untilAnswered(project.port);
  // Until its code is compiled as well as it will be.
  for (const { keepAlive } of LOADS) await loadOf({ port: project.port, connections: 4, keepAlive, milliseconds: 500 });
  await untilAtRest(server.process.pid);
}

async function measure(servers, rounds, milliseconds, log) {
  const measured = [];
  for (let turn = 0; turn < rounds; turn++) {
    log(`round ${turn + 1} of ${rounds}`);
    for (const { what, keepAlive } of LOADS) {
      for (const { key, project } of orderOf(servers, turn)) {
        const load = { port: project.port, connections: CONNECTIONS, keepAlive, milliseconds };
        measured.push({ key, what, ...(await loadOf(load)) });
      }
    }
  }
  return measured;
}

/** A B C, A C B, B C A, B A C, … : each comes first as often as any other, and after each other. */
function orderOf(servers, turn) {
  const first = Math.floor(turn / 2) % servers.length;
  const [one, ...others] = [...servers.slice(first), ...servers.slice(0, first)];
  return [one, ...(turn % 2 === 0 ? others : others.toReversed())];
}

function rowsOf({ what }, measured) {
  const row = (figure, key, digits) => {
    const of = (server) =>
      median(measured.filter((one) => one.key === server && one.what === what).map((one) => one[key]));
    const [plain, cluster, handover] = SERVERS.map(({ key }) => of(key));
    return {
      what: `${what}: ${figure}`,
      plain: round(plain, digits),
      cluster: round(cluster, digits),
      handover: round(handover, digits),
      ratio: round(handover / plain, 3),
      clusterRatio: round(handover / cluster, 3),
    };
  };
  return [row('requests a second', 'perSecond', 0), row('p99, ms', 'p99Ms', 2)];
}

/** Every process of handover, after the load. */
async function atRest({ project, process: { pid: primary } }, seconds) {
  const { pid: worker } = await untilAnswered(project.port);
  await untilAtRest(primary);
  const pids = [primary, ...descendantsOf(primary)];
  const before = pids.map(cpuTimeOf);
  await delay(seconds * 1000);
  return pids.map((pid, index) => ({
    name: nameOf(pid, primary, worker),
    cpuMs: round((cpuTimeOf(pid) - before[index]) / seconds, 2),
    rssMB: round(residentMemoryOf(pid) / MB),
  }));
}

function nameOf(pid, primary, worker) {
  if (pid === primary) return 'primary';
  if (pid === worker) return 'worker';
  return commandOf(pid)[0].includes('node') ? 'standby' : 'guardian';
}

function processRows(processes) {
  const none = { plain: null, cluster: null, ratio: null, clusterRatio: null };
  return processes.flatMap(({ name, cpuMs, rssMB }) => [
    { what: `${name}: processor ms in a second at rest`, ...none, handover: cpuMs },
    { what: `${name}: RSS, MB`, ...none, handover: rssMB },
  ]);
}
