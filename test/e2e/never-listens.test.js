import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setUp } from '../helpers/fixture.js';

const RESTARTS = 10;

/** Takes one job after the other, each of which takes some turns of the event loop. */
const consumer = ({ version, extra = '' }) => `import { setImmediate as turn } from 'node:timers/promises';
import { keep, onShutdown } from 'handover';
const queue = keep('queue', () => ({ next: 0 }));
let isPaused = false;
async function consume() {
  while (!isPaused) {
    const job = queue.next;
    for (let step = 0; step < 20; step++) await turn();
    console.log('did ' + job + ' in v${version}');
    queue.next = job + 1;
  }
}
${extra}
let running = consume();
const pause = () => { isPaused = true; return running; };
const resume = () => { isPaused = false; running = consume(); };
onShutdown('consumer', { pause, resume, stop: pause, join: () => running });
`;

/** Does what is due every 5 ms, and at its start what has become due meanwhile. */
const cron = ({ version, extra = '' }) => `import { keep, onShutdown } from 'handover';
const EVERY = 5;
const schedule = keep('schedule', () => ({ since: Date.now(), done: 0 }));
let timer;
function run() {
  const due = Math.floor((Date.now() - schedule.since) / EVERY);
  while (schedule.done < due) console.log('did ' + schedule.done++ + ' in v${version}');
  timer = setTimeout(run, schedule.since + (due + 1) * EVERY - Date.now());
}
${extra}
run();
const pause = () => clearTimeout(timer);
onShutdown('cron', { pause, resume: run, stop: pause });
`;

for (const [name, app] of Object.entries({ 'a queue consumer': consumer, 'a cron-like loop': cron })) {
  test(`${name} that never listens: its work is neither doubled nor skipped, restarted and rolled back`, async (t) => {
    const { project, primary } = await setUp(t, { 'app.mjs': app({ version: 1 }) });
    const restarter = primary();
    const works = (version) => restarter.printed(new RegExp(`in v${version}\n`), { since: restarter.stdout.length });
    await restarter.committed(1);
    await works(1);
    let serving = 1;
    for (let generation = 2; generation <= RESTARTS + 1; generation++) {
      if (generation === 6) {
        project.save('app.mjs', app({ version: 'broken', extra: 'await null; throw new Error("broken");' }));
        await restarter.event('rolledBack');
        await works(serving);
      }
      await restarter.warm(generation - 1);
      project.save('app.mjs', app({ version: generation }));
      await restarter.committed(generation);
      serving = generation;
      await works(serving);
    }
    await restarter.stop();
    const done = [...restarter.stdout.matchAll(/^did (\d+) in v(\w+)$/gm)].map(([, job, version]) => ({
      job,
      version,
    }));
    assert.deepEqual(
      done.map(({ job }) => Number(job)),
      done.map((_, index) => index),
    );
    const versions = Array.from({ length: RESTARTS + 1 }, (_, index) => String(index + 1));
    assert.deepEqual([...new Set(done.map(({ version }) => version))], versions);
    assert.deepEqual(restarter.all('warning'), []);
  });
}
