// Isolates what many changes at once cost: a person who saves again and again must have the last save at once; a
// checkout that changes hundreds of files must not restart for each.
import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { request } from '../lib/clients.js';
import { generateDependencies, generateModules } from '../lib/generate.js';
import { atMost, exactly } from '../lib/goals.js';
import { withProject } from '../lib/project.js';
import { untilAtRest } from '../lib/at-rest.js';
import { withRestarter } from '../lib/restarter.js';
import { median, round } from '../lib/statistics.js';

const SAVES = 20;
const INTERVAL = 100;
const LAST_LIMIT = 60;
const LONGEST = 5000;
/** From one request to the next, in milliseconds. */
const PAUSE = 2;
const FILES = 300;
const MOST_RESTARTS = 2;

const VARIANTS = [
  { name: `${SAVES} saves in 2 s, keep()`, app: 'counter', isSaves: true },
  { name: `${SAVES} saves in 2 s, no state`, app: 'bare', isSaves: true },
  { name: `checkout of ${FILES} files at once`, app: 'tree', spreadMs: 0 },
  { name: `checkout of ${FILES} files within 1 s`, app: 'tree', spreadMs: 1000 },
];

export const title = 'Burst: many changes at once';

export const columns = [
  ['variant', 'variant'],
  ['bursts', 'bursts'],
  ['restarts', 'restarts each, median'],
  ['superseded', 'superseded each, median'],
  ['lastMs', 'last change to new code, median ms'],
  ['longestMs', 'longest ms'],
  ['failed', 'failed'],
  ['requests', 'requests'],
];

export async function run({ quick, log }) {
  const bursts = quick ? 2 : 3;
  const rows = [];
  for (const variant of VARIANTS) {
    log(variant.name);
    rows.push(await measure(variant, bursts));
  }
  const goals = rows.flatMap((row, index) => [
    exactly('failed', 0, row.failed, row.variant),
    VARIANTS[index].isSaves
      ? atMost('last save of a burst to new code, median', LAST_LIMIT, 'ms', row.lastMs, row.variant)
      : atMost('restarts of a checkout, median', MOST_RESTARTS, 'restarts', row.restarts, row.variant),
  ]);
  const note = `One client asks on new connections, 2 ms after each answer. A burst begins at rest, at least 1.5 s after the one before.`;
  const chart = {
    file: 'burst',
    title: 'Last change of a burst to new code',
    kind: 'bars',
    unit: 'ms',
    scale: 'linear',
    groups: rows.map(({ variant }) => variant),
    series: [{ name: 'handover', values: rows.map(({ lastMs }) => lastMs) }],
  };
  return { rows, goals, note, charts: [chart] };
}

function measure(variant, bursts) {
  return withProject(variant.app, async (project) => {
    if (variant.app === 'tree') {
      project.saved = 'saved.js';
      generateModules(project.dir, FILES);
      generateDependencies(project.dir, 0);
    }
    return withRestarter(project, {}, async (restarter) => {
      const measured = [];
      for (let burst = 0; burst < bursts; burst++) {
        await untilAtRest(restarter.pid);
        await delay(1500);
        measured.push(await burstOnce(variant, project, restarter));
      }
      const all = (key) => measured.map((one) => one[key]);
      const sum = (key) => all(key).reduce((total, value) => total + value, 0);
      return {
        variant: variant.name,
        bursts,
        restarts: median(all('restarts')),
        superseded: median(all('superseded')),
        lastMs: round(median(all('lastMs'))),
        longestMs: round(Math.max(...all('lastMs'))),
        failed: sum('failed'),
        requests: sum('requests'),
      };
    });
  });
}

async function burstOnce({ isSaves, spreadMs }, project, restarter) {
  const before = countsOf(restarter);
  const client = new Client(project.port);
  let last;
  try {
    last = await (isSaves ? saveAgainAndAgain(project) : checkOut(project, spreadMs));
    await client.seen(last.version);
  } finally {
    await client.stop();
  }
  // A restart that the last change has begun twice would show.
  await untilAtRest(restarter.pid);
  const after = countsOf(restarter);
  return {
    restarts: after.committed - before.committed,
    superseded: after.superseded - before.superseded,
    lastMs: client.firstSeen.get(last.version) - last.savedAt,
    failed: client.failed,
    requests: client.requests,
  };
}

/** Asks on new connections until it is stopped, with a pause: what it took from the machine would be told as the tool's. */
class Client {
  requests = 0;
  failed = 0;
  firstSeen = new Map();
  #isStopped = false;
  #done;

  constructor(port) {
    this.#done = this.#run(port);
  }

  async seen(version) {
    const deadline = performance.now() + LONGEST;
    while (!this.firstSeen.has(version)) {
      if (performance.now() > deadline) throw new Error(`version ${version} was not served within ${LONGEST} ms`);
      await delay(PAUSE);
    }
  }

  stop() {
    this.#isStopped = true;
    return this.#done;
  }

  async #run(port) {
    while (!this.#isStopped) {
      const answer = await request(port).catch(() => undefined);
      this.requests++;
      if (!answer) this.failed++;
      else if (!this.firstSeen.has(answer.version)) this.firstSeen.set(answer.version, performance.now());
      await delay(PAUSE);
    }
  }
}

function countsOf(restarter) {
  return { committed: restarter.all('committed').length, superseded: restarter.all('superseded').length };
}

async function saveAgainAndAgain(project) {
  let last;
  const began = performance.now();
  for (let save = 0; save < SAVES; save++) {
    await delay(Math.max(0, began + save * INTERVAL - performance.now()));
    last = await project.save();
  }
  return last;
}

/** Every module changes, the one with the version last. */
async function checkOut(project, spreadMs) {
  const began = performance.now();
  for (let index = 0; index < FILES; index++) {
    const file = path.join(project.dir, 'modules', `${index}.js`);
    const text = readFileSync(file, 'utf8').replace(/^(\/\/ .*\n)?/, `// version ${project.version + 1}\n`);
    writeFileSync(`${file}.tmp~`, text);
    renameSync(`${file}.tmp~`, file);
    if (spreadMs > 0) await delay(Math.max(0, began + ((index + 1) / FILES) * spreadMs - performance.now()));
  }
  return project.save();
}
