// Isolates what many restarts under a mixed load cost or break: ten thousand saves in a row, every request and message
// accounted for, memory and descriptors of the primary on the way. RESTARTS: another number of them.
import { setTimeout as delay } from 'node:timers/promises';
import { WebSocket } from 'ws';
import { request, withLoad } from '../lib/clients.js';
import { atMost, exactly } from '../lib/goals.js';
import { descendantsOf, openDescriptorsOf, residentMemoryOf } from '../lib/proc.js';
import { withProject } from '../lib/project.js';
import { withRestarter } from '../lib/restarter.js';
import { median, round } from '../lib/statistics.js';

const MB = 1e6;
const SOCKETS = 4;
/** Between two requests or messages of a client, in milliseconds: the processors are for the restarts. */
const REST = 50;
/** How much more the last may take than the first. */
const FLAT = 1.1;
const FLAT_RSS = 1.2;

export const page = 'guarantees.md';
export const title = 'Many restarts under a mixed load';

export const columns = [
  ['what', 'what'],
  ['value', 'value'],
];

export async function run({ quick, log }) {
  const restarts = Number(process.env.RESTARTS ?? (quick ? 200 : 10_000));
  const window = Math.max(1, restarts / 10);
  const every = Math.max(1, Math.round(restarts / 200));
  const began = performance.now();
  const measured = await withProject('soak', (project) =>
    withRestarter(project, {}, (restarter) =>
      withLoad(project.port, { clients: 8, pauseMs: REST, method: 'POST', path: '/count', body: 'x' }, async (load) => {
        const echoes = Array.from({ length: SOCKETS }, () => new Echo(project.port));
        const samples = [];
        for (let index = 1; index <= restarts; index++) {
          await restarter.standbyAfter(index);
          await project.save();
          await restarter.committed(index + 1);
          if (index % every === 0) samples.push({ index, ...(await sampleOf(restarter)) });
          if (index % window === 0) log(`${index} of ${restarts} restarts, ${load.failed} failed`);
        }
        await restarter.drained(restarts);
        await load.stop();
        for (const echo of echoes) await echo.stop();
        const { count } = await request(project.port);
        const seconds = (performance.now() - began) / 1000;
        return { load, echoes, samples, count, seconds, commits: restarter.all('committed').length - 1 };
      }),
    ),
  );
  return describe(measured, { restarts, window });
}

/** A client of a WebSocket that sends numbers, one after another, and expects each to come back once, in order. */
class Echo {
  echoed = 0;
  wrong = 0;
  #socket;
  #isStopped = false;

  constructor(port) {
    this.#socket = new WebSocket(`ws://127.0.0.1:${port}`);
    this.#socket.on('error', () => this.wrong++);
    this.#socket.on('close', () => this.#isStopped || this.wrong++);
    this.done = this.#run();
  }

  async stop() {
    this.#isStopped = true;
    await this.done;
    this.#socket.close();
  }

  async #run() {
    await new Promise((resolve) => this.#socket.once('open', resolve));
    while (!this.#isStopped && this.#socket.readyState === WebSocket.OPEN) {
      const answered = new Promise((resolve) => this.#socket.once('message', (message) => resolve(String(message))));
      this.#socket.send(String(this.echoed + 1));
      if ((await answered) === String(this.echoed + 1)) this.echoed++;
      else this.wrong++;
      await delay(REST);
    }
  }
}

async function sampleOf(restarter) {
  return {
    heapMB: (await restarter.heapUsed()) / MB,
    rssMB: residentMemoryOf(restarter.pid) / MB,
    descriptors: openDescriptorsOf(restarter.pid),
    processes: descendantsOf(restarter.pid).length,
  };
}

function describe({ load, echoes, samples, count, seconds, commits }, { restarts, window }) {
  const of = (key, isIn) => round(median(samples.filter(({ index }) => isIn(index)).map((sample) => sample[key])), 2);
  const firstAndLast = (key) => [of(key, (index) => index <= window), of(key, (index) => index > restarts - window)];
  const [heap, rss, descriptors] = ['heapMB', 'rssMB', 'descriptors'].map(firstAndLast);
  const wrong = echoes.reduce((sum, echo) => sum + echo.wrong, 0);
  const rows = [
    ['restarts', commits],
    ['minutes', round(seconds / 60)],
    ['requests', load.requests],
    ['failed', load.failed],
    ['acknowledged, counted', `${load.acknowledged}, ${count}`],
    ['repeated', load.acknowledged - load.counts.size],
    ['messages on WebSockets, each echoed', echoes.reduce((sum, echo) => sum + echo.echoed, 0)],
    ['lost, repeated, out of order, closed', wrong],
    [
      'clients that kept their connection',
      `${load.keepAlive.kept + echoes.length} of ${load.keepAlive.clients + echoes.length}`,
    ],
    ['heap of the primary, first and last tenth, MB', heap.join(', ')],
    ['RSS of the primary, first and last tenth, MB', rss.join(', ')],
    ['open descriptors of the primary, first and last tenth', descriptors.join(', ')],
  ].map(([what, value]) => ({ what, value }));
  const goals = [
    exactly('restarts', restarts, commits),
    exactly('failed', 0, load.failed),
    exactly('writes that were answered and not counted', 0, load.acknowledged - count),
    exactly('messages lost, repeated, out of order', 0, wrong),
    atMost('heap of the primary, last tenth against the first', FLAT, 'times', round(heap[1] / heap[0], 2)),
    atMost('RSS of the primary, last tenth against the first', FLAT_RSS, 'times', round(rss[1] / rss[0], 2)),
    exactly('more open descriptors in the last tenth', 0, round(descriptors[1] - descriptors[0])),
  ];
  const note = `Express with a kept counter, and \`ws\` with \`keepWebSockets()\`: 8 clients by HTTP, 6 of them on one connection each, and ${SOCKETS} by WebSocket, each with a rest of ${REST} ms; a save as soon as the standby for it is warm. Heap without garbage.`;
  return { rows, goals, note };
}
