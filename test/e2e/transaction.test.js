import assert from 'node:assert/strict';
import { test } from 'node:test';
import { counter, express } from '../helpers/apps.js';
import { request } from '../helpers/clients.js';
import { setUp } from '../helpers/fixture.js';

test('guarantee 3: the steps come in their order', async (t) => {
  const { port, project, primary } = await setUp(t, (port) => ({ 'app.mjs': counter({ port }) }));
  const restarter = primary();
  await restarter.committed(1);
  await restarter.event('standby', ({ pid }) => pid !== restarter.all('committed')[0].pid);
  const since = restarter.events.length;
  project.save('app.mjs', counter({ port, version: 2 }));
  await restarter.event('drained');
  const names = restarter.events.slice(since).map(({ name }) => name);
  const others = ['standby', 'state', 'receipt', 'drained', 'warming', 'starting', 'draining'];
  const steps = names.filter((name) => !others.includes(name));
  assert.deepEqual(steps, ['change', 'loading', 'prepared', 'quiesced', 'captured', 'ready', 'committed']);
  assert.deepEqual(
    names.filter((name) => ['receipt', 'drained'].includes(name)),
    ['receipt', 'drained'],
  );
});

test('the old generation serves until the new code asks for the state', async (t) => {
  const { port, project, primary } = await setUp(t, (port) => ({ 'app.mjs': counter({ port }) }));
  const restarter = primary();
  await restarter.committed(1);
  const asksFirst = `await fetch('http://127.0.0.1:${port}/', { method: 'POST' });`;
  project.save('app.mjs', `${asksFirst}\n${counter({ port, version: 2 })}`);
  await restarter.committed(2);
  const { version, count } = JSON.parse((await request(port)).body);
  assert.deepEqual({ version, count }, { version: 2, count: 1 });
});

test('state that the old generation begins to keep while the next one loads is carried, too', async (t) => {
  const lazy = (port, first = '') => `import http from 'node:http'; import { keep } from 'handover';
    ${first}
    const state = () => keep('state', () => ({ count: 0 }));
    http.createServer((request, response) => {
      if (request.method === 'POST') state().count++;
      response.end(String(request.method === 'POST' || request.url === '/count' ? state().count : 'none'));
    }).listen(${port}, '127.0.0.1');`;
  const { port, project, primary } = await setUp(t, (port) => ({ 'app.mjs': lazy(port) }));
  const restarter = primary();
  await restarter.committed(1);
  project.save('app.mjs', lazy(port, `await fetch('http://127.0.0.1:${port}/', { method: 'POST' });`));
  await restarter.committed(2);
  const posts = restarter.all('loading').filter(({ generation }) => generation === 2).length;
  assert.equal(posts, 2, 'the first attempt was not committed');
  assert.equal((await request(port, { path: '/count' })).body, String(posts));
});

test('what fails before it asks for the state interrupts nobody', async (t) => {
  const { port, project, primary } = await setUp(t, (port) => ({ 'app.mjs': counter({ port }) }));
  const restarter = primary();
  await restarter.committed(1);
  project.save('app.mjs', `${counter({ port })}\nthis is no code`);
  await restarter.event('rolledBack');
  assert.deepEqual(restarter.all('quiesced'), []);
});

test('a generation that does not ask for the state passes it on', async (t) => {
  const { port, project, primary } = await setUp(t, (port) => ({ 'app.mjs': counter({ port }) }));
  const restarter = primary();
  await restarter.committed(1);
  await request(port, { method: 'POST' });
  project.save('app.mjs', express({ port, version: 2 }));
  await restarter.committed(2);
  project.save('app.mjs', counter({ port, version: 3 }));
  await restarter.committed(3);
  assert.equal(JSON.parse((await request(port)).body).count, 1);
});

test('a change during a handover supersedes it, and the last one is served', async (t) => {
  const { port, project, primary } = await setUp(t, (port) => ({ 'app.mjs': express({ port }) }));
  const restarter = primary();
  await restarter.committed(1);
  for (let round = 1; round <= 3; round++) {
    const since = restarter.events.length;
    project.save('app.mjs', `console.log('hangs ${round}'); await new Promise(() => setInterval(() => {}, 1000));`);
    await restarter.printed(new RegExp(`hangs ${round}`));
    project.save('app.mjs', express({ port, version: 10 + round }));
    await restarter.event('superseded', () => true, since);
    const { generation } = await restarter.event('committed', () => true, since);
    assert.equal(generation, 1 + round, 'an attempt that was superseded takes no number');
    assert.equal((await request(port)).body, `version ${10 + round}`);
  }
});

test('restart() restarts without a change', async (t) => {
  const { port, primary } = await setUp(t, (port) => ({ 'app.mjs': counter({ port }) }));
  const restarter = primary();
  await restarter.committed(1);
  await request(port, { method: 'POST' });
  restarter.send({ type: 'restart', reason: 'a key was pressed' });
  const receipt = await restarter.event('receipt', ({ generation }) => generation === 2);
  assert.deepEqual(receipt.reason, ['a key was pressed']);
  assert.equal(JSON.parse((await request(port)).body).count, 1);
});

test('overlap: false: the old generation has ended before the new one loads', async (t) => {
  const exclusive = (port, version) => `import fs from 'node:fs'; import http from 'node:http';
// What one process at a time may own.
fs.writeFileSync('owner', String(process.pid), { flag: 'wx' });
process.on('exit', () => fs.rmSync('owner'));
http.createServer((request, response) => response.end('v${version}')).listen(${port}, '127.0.0.1');`;
  const { port, project, primary, load: startLoad } = await setUp(t, (port) => ({ 'app.mjs': exclusive(port, 1) }));
  const restarter = primary({ overlap: false });
  await restarter.committed(1);
  const load = startLoad({ method: 'GET', clients: 8 });
  for (let version = 2; version <= 5; version++) {
    await load.more(20);
    project.save('app.mjs', exclusive(port, version));
    await restarter.committed(version);
  }
  await load.more(20);
  await load.stop();
  assert.deepEqual(load.failures, []);
  assert.equal((await request(port)).body, 'v5');
});

test('a crash after the commit: held, then served by the replacement', async (t) => {
  const crashing = (port) =>
    counter({
      port,
      extra: `server.prependListener('request', (request) => { if (request.url === '/crash') process.exit(4); });`,
    });
  const { port, primary } = await setUp(t, (port) => ({ 'app.mjs': crashing(port) }));
  const restarter = primary();
  await restarter.committed(1);
  await assert.rejects(request(port, { path: '/crash' }), { code: 'ECONNRESET' });
  assert.equal((await request(port)).status, 200, 'it was not refused');
  const crashed = await restarter.event('crashed');
  assert.deepEqual({ code: crashed.code, waits: crashed.waits }, { code: 4, waits: false });
  await restarter.committed(2);
});

test('restartArgs are added to process.argv from generation 2 on', async (t) => {
  const shows = (port, comment) =>
    `import http from 'node:http'; ${comment}\nhttp.createServer((request, response) => response.end(process.argv.slice(2).join())).listen(${port}, '127.0.0.1');`;
  const { port, project, primary } = await setUp(t, (port) => ({ 'app.mjs': shows(port, '') }));
  const restarter = primary({ args: ['a'], restartArgs: ['--restart'] });
  await restarter.committed(1);
  assert.equal((await request(port)).body, 'a');
  project.save('app.mjs', shows(port, '// 2'));
  await restarter.committed(2);
  assert.equal((await request(port)).body, 'a,--restart');
});

test('UDP stays with Node and works', async (t) => {
  const app = (port, version) => `import dgram from 'node:dgram'; import http from 'node:http';
const socket = dgram.createSocket('udp4').on('message', (message, { port }) => socket.send('v${version} ' + message, port, '127.0.0.1'));
await new Promise((resolve) => socket.bind(${port}, '127.0.0.1', resolve));
http.createServer((request, response) => response.end('v${version}')).listen(${port}, '127.0.0.1');`;
  const { port, project, primary } = await setUp(t, (port) => ({ 'app.mjs': app(port, 1) }));
  const restarter = primary();
  await restarter.committed(1);
  const client = (await import('node:dgram')).createSocket('udp4');
  t.after(() => client.close());
  const ask = () =>
    new Promise((resolve) => {
      client.once('message', (message) => resolve(String(message)));
      client.send('hello', port, '127.0.0.1');
    });
  assert.equal(await ask(), 'v1 hello');
  project.save('app.mjs', app(port, 2));
  await restarter.committed(2);
  await restarter.event('drained');
  assert.equal(await ask(), 'v2 hello');
  assert.equal((await request(port)).body, 'v2');
});
