import assert from 'node:assert/strict';
import { chmodSync, existsSync, statSync } from 'node:fs';
import http from 'node:http';
import { test } from 'node:test';
import { request } from '../helpers/clients.js';
import { setUp } from '../helpers/fixture.js';
import { RawClient } from '../helpers/raw-client.js';

const onWindows = process.platform === 'win32' && 'named pipes have no file';

const app = ({
  version,
  path = './app.sock',
  before = '',
  after = '',
}) => `import fs from 'node:fs'; import http from 'node:http';
import { keep } from 'handover';
const state = keep('state', () => ({ count: 0 }));
${before}
http.createServer((request, response) => {
  if (request.method === 'POST') request.resume().on('end', () => response.end(String(++state.count)));
  else response.end('v${version} ' + state.count);
}).listen(${JSON.stringify(path)}, () => { ${after} });
`;

async function begin(t, options = {}) {
  const setup = await setUp(t, { 'app.mjs': app({ version: 1, ...options }) });
  const restarter = setup.primary();
  await restarter.warm(1);
  const socketPath = options.path ?? setup.project.path('app.sock');
  const save = (version, more) => setup.project.save('app.mjs', app({ version, ...options, ...more }));
  return { ...setup, restarter, socketPath, save };
}

/** Clients that post one after the other until stopped. */
async function postUntil(stopped, socketPath, agent) {
  let acknowledged = 0;
  while (!stopped()) {
    const { status } = await request(0, { socketPath, agent, method: 'POST', body: 'x' });
    assert.equal(status, 200);
    acknowledged++;
  }
  return acknowledged;
}

for (const [name, options] of Object.entries({
  'a Unix socket': {},
  'an abstract socket': { path: `\0handover-test-${process.pid}` },
})) {
  const skip = process.platform === 'win32' || (options.path && process.platform !== 'linux');
  test(
    `${name}: no request fails, is lost or repeated over 8 restarts, and keep-alive connections move`,
    { skip },
    async (t) => {
      const { restarter, socketPath, save } = await begin(t, options);
      const agents = [false, ...Array.from({ length: 3 }, () => new http.Agent({ keepAlive: true, maxSockets: 1 }))];
      const sockets = new Set();
      for (const agent of agents.slice(1)) agent.on('free', (socket) => sockets.add(socket));
      t.after(() => agents.slice(1).forEach((agent) => agent.destroy()));
      let isStopped = false;
      const posting = agents.map((agent) => postUntil(() => isStopped, socketPath, agent));
      for (let version = 2; version <= 9; version++) {
        save(version);
        await restarter.committed(version);
      }
      isStopped = true;
      const acknowledged = (await Promise.all(posting)).reduce((sum, count) => sum + count, 0);
      assert.equal((await request(0, { socketPath })).body, `v9 ${acknowledged}`);
      assert.equal(sockets.size, 3, 'on the same connections');
    },
  );
}

test('a half-sent request, and one in the kernel, go to the next generation', { skip: onWindows }, async (t) => {
  const { restarter, socketPath, save } = await begin(t);
  const [half, ahead] = [await RawClient.connect(t, socketPath), await RawClient.connect(t, socketPath)];
  await half.write('POST / HTTP/1.1\r\nHos');
  assert.equal((await request(0, { socketPath })).body, 'v1 0', 'it has been read by then');
  save(2);
  await restarter.committed(2);
  await half.write('t: app\r\nContent-Length: 1\r\n\r\nx');
  await half.got(/\r\n\r\n1$/);
  await ahead.write('GET / HTTP/1.1\r\nHost: app\r\n\r\n');
  await ahead.got(/v2 1$/);
});

test('a program that removes the file before it listens', { skip: onWindows }, async (t) => {
  const before = `fs.rmSync('app.sock', { force: true });`;
  const { restarter, socketPath, save } = await begin(t, { before });
  for (let version = 2; version <= 4; version++) {
    save(version);
    await restarter.committed(version);
    assert.equal((await request(0, { socketPath })).body, `v${version} 0`);
  }
  // It fails behind that.
  save(5, { before: `${before} throw new Error('no');` });
  await restarter.event('rolledBack');
  while (!existsSync(socketPath)) await new Promise((resolve) => setTimeout(resolve, 5));
  assert.equal((await request(0, { socketPath })).body, 'v4 0');
});

test('a program that removes the file at its end', { skip: onWindows }, async (t) => {
  const before = `process.on('exit', () => fs.rmSync('app.sock', { force: true }));`;
  const { restarter, socketPath, save } = await begin(t, { before });
  save(2);
  await restarter.event('drained', ({ generation }) => generation === 1);
  assert.equal((await request(0, { socketPath })).body, 'v2 0');
});

test('what the app permits on the file stays, also where it was removed', { skip: onWindows }, async (t) => {
  const before = `fs.rmSync('app.sock', { force: true });`;
  const { restarter, socketPath, save } = await begin(t, { before, after: `fs.chmodSync('app.sock', 0o660);` });
  const mode = () => (statSync(socketPath).mode & 0o777).toString(8);
  assert.equal(mode(), '660');
  save(2, { after: '' });
  await restarter.committed(2);
  assert.equal(mode(), '660');
  chmodSync(socketPath, 0o600);
  save(3, { before: '', after: '' });
  await restarter.committed(3);
  assert.equal(mode(), '600');
});

test('a file that a killed program has left is in the way, as under plain node', { skip: onWindows }, async (t) => {
  const { project, node, primary } = await setUp(t, {
    'app.mjs': app({ version: 1, after: `console.log('listens')` }),
  });
  const plain = node(['app.mjs']);
  await plain.printed(/listens/);
  await plain.signal('SIGKILL');
  assert.equal(existsSync(project.path('app.sock')), true);
  const again = node(['app.mjs']);
  await again.printed(/EADDRINUSE/);
  const restarter = primary();
  const { error } = await restarter.event('rolledBack');
  assert.equal(error.code, 'EADDRINUSE');
});

test('the file is gone when the app has stopped', { skip: onWindows }, async (t) => {
  const { restarter, socketPath } = await begin(t);
  restarter.send({ type: 'stop' });
  await restarter.event('stopped');
  assert.equal(existsSync(socketPath), false);
});
