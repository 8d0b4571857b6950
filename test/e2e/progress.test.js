import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { request } from '../helpers/clients.js';
import { setUp } from '../helpers/fixture.js';

/** GET /slow is answered when there is a file `answer`, all else at once. */
const server = (port, extra = '') => `import fs from 'node:fs'; import http from 'node:http';
${extra}
http.createServer((request, response) => {
  if (request.url !== '/slow') return response.end('done');
  console.log('slow');
  const timer = setInterval(() => fs.existsSync('answer') && (clearInterval(timer), response.end('done')), 5);
}).listen(${port}, '127.0.0.1');
`;

/** Whose end takes until there is a file of that name. */
const component = (name) => `import { onShutdown } from 'handover';
onShutdown(${JSON.stringify(name)}, { join: () => new Promise((resolve) => {
  const timer = setInterval(() => fs.existsSync(${JSON.stringify(name)}) && (clearInterval(timer), resolve()), 5);
}) });`;

const slowRequests = async (process, port, count) => {
  const answers = Array.from({ length: count }, () => request(port, { path: '/slow' }));
  await process.printed(new RegExp('slow\\s+'.repeat(count)));
  return Promise.all(answers);
};

const SLEEP = `Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 4500);`;
/** Keeps the event loop busy until there is a file `rest`. */
const BUSY = `import fs from 'node:fs';
while (!fs.existsSync('rest')) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 20);`;
const FOREVER = 'new Promise(() => setInterval(() => {}, 1000))';
const steps = (own) => `import { runWorker } from 'handover';
await runWorker({ load: () => ({}), start: () => {}, ${own} });`;

// They wait for what is told after seconds.
describe('what takes long is told of', { concurrency: 4 }, () => {
  test('an old generation that takes long to end: whom it waits for, by name, and again when that has changed', async (t) => {
    const { port, project, primary } = await setUp(t, (port) => ({
      'app.mjs': server(port, component('runtime loop')),
    }));
    const restarter = primary({ drainTimeout: '60s', shutdownTimeout: '60s' });
    await restarter.warm(1);
    const answers = slowRequests(restarter, port, 2);
    await restarter.printed(/slow\s+slow/);
    project.save('app.mjs', server(port));
    await restarter.committed(2);
    const { generation, waitsFor } = await restarter.event('draining');
    assert.deepEqual({ generation, waitsFor }, { generation: 1, waitsFor: ['GET /slow (2)'] });
    project.write({ answer: '' });
    assert.deepEqual(
      (await answers).map(({ body }) => body),
      ['done', 'done'],
    );
    const next = await restarter.event('draining', (event) => event.waitsFor.join() !== 'GET /slow (2)');
    assert.deepEqual(next.waitsFor, ['component "runtime loop"']);
    project.write({ 'runtime loop': '' });
    assert.equal((await restarter.event('drained')).ended, true);
    assert.equal(restarter.all('draining').length, 2);
  });

  test('the same in the terminal, and on Ctrl+C', async (t) => {
    const { port, project, handover } = await setUp(t, (port) => ({ 'app.mjs': server(port, component('queue')) }));
    const app = handover(['--drain-timeout', '60s', '--shutdown-timeout', '60s', 'app.mjs']);
    await app.printed(/generation 1 in/);
    const answers = slowRequests(app, port, 1);
    await app.printed(/slow/);
    const exited = app.signal('SIGINT');
    await app.printed(/^… generation 1 has not ended yet: GET \/slow\n/m);
    project.write({ answer: '' });
    await answers;
    await app.printed(/^… generation 1 has not ended yet: component "queue"\n/m);
    project.write({ queue: '' });
    assert.deepEqual(await exited, { code: 0, signal: null });
  });

  test('--no-overlap: the pause has a name', async (t) => {
    const { port, project, primary } = await setUp(t, (port) => ({ 'app.mjs': server(port, component('lock')) }));
    const restarter = primary({ overlap: false, shutdownTimeout: '60s' });
    await restarter.committed(1);
    project.save('app.mjs', server(port));
    assert.deepEqual((await restarter.event('draining')).waitsFor, ['component "lock"']);
    project.write({ lock: '' });
    await restarter.committed(2);
  });

  test('an app that ends itself by its own handler, and a child process that takes its time', async (t) => {
    const ends = `process.on('SIGTERM', () => { const timer = setInterval(() => fs.existsSync('end') && process.exit(0), 5); });`;
    const child = `process.on('SIGTERM', () => setTimeout(process.exit, 4000)); setInterval(() => {}, 1000); console.log('child');`;
    const spawns = `import { spawn } from 'node:child_process'; spawn(process.execPath, ['child.mjs'], { stdio: 'inherit' });`;
    const { port, project, primary } = await setUp(t, (port) => ({
      'app.mjs': server(port, ends),
      'child.mjs': child,
    }));
    const restarter = primary({ killTimeout: '60s', drainTimeout: '60s' });
    await restarter.committed(1);
    project.save('app.mjs', server(port, spawns));
    await restarter.committed(2);
    assert.deepEqual((await restarter.event('draining')).waitsFor, ['its own handler of SIGTERM']);
    project.write({ end: '' });
    await restarter.event('drained');
    await restarter.printed(/child/);
    project.save('app.mjs', server(port));
    const { waitsFor } = await restarter.event('draining', (event) => event.generation === 2);
    assert.equal(waitsFor.length, 1);
    assert.match(waitsFor[0], /^child process \d+ .*child\.mjs/);
    await restarter.event('drained', (event) => event.generation === 2);
  });

  for (const [title, source, text, options = []] of [
    ['its code', `await ${FOREVER};`, 'its code is being loaded'],
    ['busy code', BUSY, 'its code keeps the event loop busy', ['--ready-timeout=60s']],
    ['prepare()', steps(`prepare: () => ${FOREVER}`), 'prepare\\(\\) has not resolved'],
    ['start()', steps(`start: () => ${FOREVER}`), 'start\\(\\) has not resolved'],
    ['what comes before its code', '', 'its process boots', ['--exec-arg=--import=./slow.mjs']],
    [
      "process.send('ready')",
      'setInterval(() => {}, 1000);',
      "it has not called process.send\\('ready'\\)",
      ['--wait-ready'],
    ],
  ]) {
    test(`a start that takes long: ${title}`, async (t) => {
      const { handover, project } = await setUp(t, { 'app.mjs': source, 'slow.mjs': SLEEP });
      const app = handover([...options, 'app.mjs']);
      await app.printed(new RegExp(`^… generation 1 is still starting: ${text}\\n`, 'm'));
      project.write({ rest: '' });
    });
  }

  test('a start that takes long: listen(), which the generation before has called', async (t) => {
    const { port, project, primary } = await setUp(t, (port) => ({ 'app.mjs': server(port) }));
    const restarter = primary();
    await restarter.committed(1);
    project.save('app.mjs', 'setInterval(() => {}, 1000);');
    assert.equal((await restarter.event('starting')).step, 'listen');
    assert.equal((await request(port)).body, 'done');
  });

  test('a standby that takes long to become warm is told of once, with what it evaluates', async (t) => {
    const { port, project, handover } = await setUp(t, (port) => ({
      'app.mjs': server(port, `import 'slow';`),
      'node_modules/slow/package.json': '{"name":"slow","type":"module","exports":"./index.js"}',
      'node_modules/slow/index.js': SLEEP,
    }));
    const app = handover(['app.mjs']);
    await app.printed(/^… the standby for the next restart is still warming: it evaluates slow\n/m);
    project.save('app.mjs', server(port, `import 'slow'; // 2`));
    await app.printed(/generation 2 in/);
    assert.equal((await request(port)).body, 'done');
  });
});

test('what is as fast as it should be is not told of', async (t) => {
  const { port, project, primary } = await setUp(t, (port) => ({ 'app.mjs': server(port) }));
  const began = performance.now();
  const restarter = primary();
  await restarter.warm(1);
  project.save('app.mjs', server(port, '// 2'));
  await restarter.committed(2);
  await restarter.event('drained');
  const elapsed = performance.now() - began;
  const told = ['warming', 'starting', 'draining'].flatMap((name) => restarter.all(name));
  // Only on a machine so busy that all of it took two seconds may a part of it have.
  assert.ok(told.length === 0 || elapsed > 2000, JSON.stringify({ told, elapsed }));
});
