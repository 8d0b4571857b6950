import assert from 'node:assert/strict';
import { setTimeout as delay } from 'node:timers/promises';
import { test } from 'node:test';
import { counter } from '../helpers/apps.js';
import { request } from '../helpers/clients.js';
import { setUp } from '../helpers/fixture.js';
import { gone } from '../helpers/process.js';

const countAt = async (port) => JSON.parse((await request(port)).body).count;

/** The app of counter(), with something added, in its first generation and, unless it is told otherwise, only there. */
async function start(t, { extra = '', ...options } = {}) {
  const setup = await setUp(t, (port) => ({ 'app.mjs': counter({ port, extra }) }));
  const restarter = setup.primary(options);
  await restarter.warm(1);
  const save = (version, more = '') =>
    setup.project.save('app.mjs', counter({ port: setup.port, version, extra: more }));
  return { ...setup, restarter, save };
}

const STEPS = ['change', 'loading', 'prepared', 'quiesced', 'captured', 'ready', 'committed'];

for (const victim of ['old', 'new', 'primary']) {
  test(`guarantee 7: SIGSTOP of the ${victim === 'primary' ? victim : `${victim} generation`} at every step, and SIGCONT: nothing fails, nothing is lost`, async (t) => {
    const { port, restarter, save, load: startLoad } = await start(t, { quiesceTimeout: '5s' });
    const load = startLoad({ clients: 8 });
    for (const [index, step] of STEPS.entries()) {
      const since = restarter.events.length;
      restarter.send({ type: 'killAt', step, victim, signal: 'SIGSTOP' });
      // The channel keeps the order: it knows before it hears of the change.
      save(index + 2);
      const { pid } = await restarter.event('signalled', () => true, since);
      await delay(200);
      process.kill(pid, 'SIGCONT');
      await restarter.warm(index + 2);
    }
    await load.more(40);
    await load.stop();
    assert.deepEqual(load.failures, []);
    assert.equal(await countAt(port), load.acknowledged);
  });
}

test('a standby that is stopped for good: the old generation serves on, the next save has another one', async (t) => {
  const { port, restarter, save, load: startLoad } = await start(t, { readyTimeout: '2s' });
  const { pid } = restarter.all('standby').at(-1);
  process.kill(pid, 'SIGSTOP');
  const load = startLoad({ clients: 8 });
  save(2);
  const { error } = await restarter.event('rolledBack');
  assert.equal(error.code, 'READY_TIMEOUT');
  save(3);
  await restarter.committed(2);
  await load.more(40);
  await load.stop();
  assert.deepEqual(load.failures, []);
  const { version, count } = JSON.parse((await request(port)).body);
  assert.deepEqual({ version, count }, { version: 3, count: load.acknowledged });
  await gone([pid]);
});

test('a standby that is killed is replaced by the next save, which nobody notices', async (t) => {
  const { port, restarter, save, load: startLoad } = await start(t);
  const load = startLoad({ clients: 8 });
  process.kill(restarter.all('standby').at(-1).pid, 'SIGKILL');
  save(2);
  await restarter.committed(2);
  await load.more(40);
  await load.stop();
  assert.deepEqual(load.failures, []);
  assert.equal(await countAt(port), load.acknowledged);
});

// By a signal, so that no request is in flight.
const OUT_OF_MEMORY = `const hoard = [];
process.on('SIGUSR2', () => { for (;;) hoard.push(new Array(100_000).fill(hoard.length)); });`;

test('guarantee 7: a generation that runs out of memory is replaced, from its last checkpoint', async (t) => {
  const execArgv = ['--max-old-space-size=40'];
  const { port, restarter } = await start(t, { execArgv, checkpointInterval: '20ms', extra: OUT_OF_MEMORY });
  for (let count = 1; count <= 5; count++) await request(port, { method: 'POST' });
  const { pid } = restarter.all('committed')[0];
  await restarter.state('state', ({ count }) => count === 5);
  process.kill(pid, 'SIGUSR2');
  const { signal } = await restarter.event('crashed');
  assert.equal(signal, 'SIGABRT');
  await restarter.committed(2);
  assert.equal(await countAt(port), 5);
});

test('a new generation that runs out of memory is a failed start', async (t) => {
  const { port, restarter, save } = await start(t, { execArgv: ['--max-old-space-size=40'] });
  await request(port, { method: 'POST' });
  save(2, 'const hoard = []; for (;;) hoard.push(new Array(100_000).fill(hoard.length));');
  await restarter.event('rolledBack');
  save(3);
  await restarter.committed(2);
  assert.equal(await countAt(port), 1);
});

const savingApp = ({ port, version = 1, save, start = '' }) => `import http from 'node:http';
import { runWorker } from 'handover';
let state = { count: 0 };
await runWorker({
  load: () => {},
  start: async (_app, context) => {
    if (context.state) state = context.state;
    ${start}
    const server = http.createServer((request, response) => {
      if (request.method === 'POST') state.count++;
      response.end(JSON.stringify({ version: ${version}, count: state.count, bytes: state.bytes?.length, last: state.bytes?.at(-1) }));
    });
    await new Promise((resolve) => server.listen(${port}, '127.0.0.1', resolve));
  },
  save: ${save ?? '() => state'},
});
`;

async function startSaving(t, app, options) {
  const setup = await setUp(t, (port) => ({ 'app.mjs': savingApp({ port, ...app }) }));
  const restarter = setup.primary(options);
  await restarter.committed(1);
  const save = (version, more) => setup.project.save('app.mjs', savingApp({ port: setup.port, version, ...more }));
  const state = async () => JSON.parse((await request(setup.port)).body);
  return { ...setup, restarter, save, state };
}

test('a save() that throws: the old generation serves on with its state, and the error says why', async (t) => {
  const { port, restarter, save, state } = await startSaving(t, { save: `() => { throw new Error('closed') }` });
  await request(port, { method: 'POST' });
  save(2);
  const { error, serving } = await restarter.event('rolledBack');
  assert.equal(error.code, 'CAPTURE_FAILED');
  assert.match(error.message, /closed/);
  assert.equal(serving, 1);
  assert.deepEqual(await state(), { version: 1, count: 1 });
});

test('a save() that never answers: its generation is replaced after the timeouts, from its last checkpoint', async (t) => {
  const { port, restarter, save, state } = await startSaving(
    t,
    { save: '() => new Promise(() => {})' },
    { quiesceTimeout: 100, readyTimeout: '2s' },
  );
  await request(port, { method: 'POST' });
  save(2);
  await restarter.committed(2);
  assert.match(restarter.all('warning').at(-1).message, /generation 1 did not answer.*checkpoint/);
  assert.deepEqual(await state(), { version: 2, count: 0 });
});

test('a save() of 300 MB is carried over', async (t) => {
  const app = (version, port) =>
    savingApp({ port, version, save: '() => (state.bytes ??= Buffer.alloc(300_000_000, 7), state)' });
  const { port, project, handover } = await setUp(t, (port) => ({ 'app.mjs': app(1, port) }));
  const running = handover(['--no-snapshot', 'app.mjs']);
  await running.printed(/generation 1 in /);
  await request(port, { method: 'POST' });
  project.save('app.mjs', app(2, port));
  await running.printed(/generation 2 in /);
  assert.deepEqual(JSON.parse((await request(port)).body), { version: 2, count: 1, bytes: 300_000_000, last: 7 });
});

test('a start() that never ends is rolled back, and the state stays where it is', async (t) => {
  const { port, restarter, save, state } = await startSaving(t, {}, { readyTimeout: '2s' });
  await request(port, { method: 'POST' });
  save(2, { start: 'await new Promise((resolve) => setTimeout(resolve, 60_000));' });
  const { error } = await restarter.event('rolledBack');
  assert.equal(error.code, 'READY_TIMEOUT');
  assert.deepEqual(await state(), { version: 1, count: 1 });
});

test('an app that floods its channel delays restarts, and that is all', async (t) => {
  // 40,000 messages a second, but no more than are read: what waits would grow without end on a busy machine.
  const flood = `(function flood() {
    const began = performance.now();
    let unsent = 2000;
    const onSent = () => --unsent === 0 && setTimeout(flood, began + 50 - performance.now());
    for (let count = 0; count < 2000; count++) process.send({ count, text: 'x'.repeat(1000) }, onSent);
  })();`;
  const { port, restarter, save, load: startLoad } = await start(t, { extra: flood });
  const load = startLoad({ clients: 4 });
  for (const version of [2, 3, 4]) {
    save(version, flood);
    await restarter.committed(version);
    await load.more(20);
  }
  await load.stop();
  assert.deepEqual(load.failures, []);
  assert.equal(await countAt(port), load.acknowledged);
});

test('an app may replace process.send, listen to messages, and send what looks like ours', async (t) => {
  const forged = [
    `{ type: 'failed', error: { name: 'Error', message: 'forged' } }`,
    `{ type: 'carries', carries: {} }`,
    `{ type: 'ready', phases: {}, variables: [] }`,
    `{ type: 'moved', connections: 7 }`,
    `{ type: 'drained', ended: false, report: ['forged'] }`,
    `{ type: 'crashing', error: { name: 'Error', message: 'forged' } }`,
  ];
  const hostile = `for (const body of [${forged}]) process.send({ cmd: 'NODE_HANDOVER', body });
process.on('message', (message) => console.log('heard', JSON.stringify(message)));
process.send = (message) => { throw new Error('not here: ' + JSON.stringify(message)) };
await import('./later.mjs');
process.disconnect = () => {};`;
  const files = (port, version) => ({ 'app.mjs': counter({ port, version, extra: hostile }), 'later.mjs': '' });
  const { port, project, primary, load: startLoad } = await setUp(t, (port) => files(port, 1));
  const restarter = primary();
  await restarter.warm(1);
  const load = startLoad({ clients: 4 });
  project.save('app.mjs', files(port, 2)['app.mjs']);
  await restarter.committed(2);
  await load.more(20);
  // What is loaded after that is watched all the same.
  project.save('later.mjs', '// 3');
  await restarter.committed(3);
  await load.more(20);
  await load.stop();
  assert.deepEqual(load.failures, []);
  assert.equal(await countAt(port), load.acknowledged);
  assert.doesNotMatch(restarter.output, /heard/);
  assert.doesNotMatch(JSON.stringify(restarter.events), /forged/);
  assert.deepEqual(restarter.all('rolledBack'), []);
});

const EXITS = {
  'while it loads': 'process.exit(3);',
  'right after it listens': `server.on('listening', () => process.exit(3));`,
  'in pause()': `import { onShutdown } from 'handover'; onShutdown('it', { pause: () => process.exit(3) });`,
  'in stop()': `import { onShutdown } from 'handover'; onShutdown('it', { stop: () => process.exit(3) });`,
  'when it is told to end': `process.on('SIGTERM', () => process.exit(3));`,
};

for (const [when, extra] of Object.entries(EXITS)) {
  test(`an app that calls process.exit() ${when} takes nobody with it`, async (t) => {
    const { port, restarter, save } = await start(t, { checkpointInterval: '20ms' });
    await request(port, { method: 'POST' });
    // The third one finds an old generation that exits, or none that could start.
    for (const [version, more] of [
      [2, extra],
      [3, ''],
      [4, ''],
    ]) {
      const since = restarter.events.length;
      save(version, more);
      await Promise.race(
        ['committed', 'rolledBack', 'crashed'].map((name) => restarter.event(name, () => true, since)),
      );
      // Its file's change must not become part of the next one's.
      await delay(300);
    }
    for (;;) {
      const { version } = JSON.parse((await request(port)).body);
      if (version === 4) break;
    }
    assert.equal(await countAt(port), 1);
    assert.equal(restarter.exit, undefined);
  });
}

test('guarantee 5: a change at every step of a restart: the last one is served, nothing fails, nothing is lost', async (t) => {
  const { port, restarter, save, load: startLoad } = await start(t);
  const load = startLoad({ clients: 8 });
  let version = 1;
  for (const step of [...STEPS, 'receipt', 'drained']) {
    const since = restarter.events.length;
    save(++version);
    await restarter.event(step, () => true, since);
    save(++version);
    while (JSON.parse((await request(port)).body).version !== version) await load.more(1);
    const { pid } = restarter.all('committed').at(-1);
    await restarter.event('standby', (standby) => standby.pid !== pid, since);
  }
  await load.stop();
  assert.deepEqual(load.failures, []);
  assert.equal(await countAt(port), load.acknowledged);
});

test('a branch is switched under load, and back, many files at once: nothing fails, the last one is served', async (t) => {
  const parts = (version) =>
    Object.fromEntries(
      Array.from({ length: 60 }, (_, index) => [`lib/part-${index}.mjs`, `export const version = ${version};`]),
    );
  const extra = `${Array.from({ length: 60 }, (_, index) => `import { version as v${index} } from './lib/part-${index}.mjs';`).join('\n')}
const versions = new Set([${Array.from({ length: 60 }, (_, index) => `v${index}`)}]);
if (versions.size > 1) throw new Error('half of a branch');`;
  const {
    port,
    project,
    primary,
    load: startLoad,
  } = await setUp(t, (port) => ({ 'app.mjs': counter({ port, extra }), ...parts(1) }));
  const restarter = primary();
  await restarter.warm(1);
  const load = startLoad({ clients: 8 });
  for (let version = 2; version <= 5; version++) {
    // As git does it: file by file, in place of those that were there.
    for (const [name, content] of Object.entries(parts(version))) project.save(name, content);
    project.save('app.mjs', counter({ port, version, extra }));
    while (JSON.parse((await request(port)).body).version !== version) await load.more(1);
  }
  await load.stop();
  assert.deepEqual(load.failures, []);
  assert.equal(await countAt(port), load.acknowledged);
});
