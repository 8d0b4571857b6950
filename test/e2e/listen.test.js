import assert from 'node:assert/strict';
import { rm } from 'node:fs/promises';
import http from 'node:http';
import net from 'node:net';
import { test } from 'node:test';
import { request } from '../helpers/clients.js';
import { setUp } from '../helpers/fixture.js';
import { freePort } from '../helpers/ports.js';

/** Runs a program under plain node and under handover; it prints one line of JSON, which must be the same in both. */
async function sameAsNode(t, source) {
  const { project, node, handover } = await setUp(t, { 'app.mjs': source });
  const plain = node(['app.mjs']);
  const [expected] = await plain.printed(/\{.*\}\n/);
  await plain.signal('SIGKILL');
  for (const name of ['app.sock', 'all.sock']) await rm(project.path(name), { force: true });
  const app = handover(['app.mjs']);
  const [actual] = await app.printed(/\{.*\}\n/);
  assert.deepEqual(JSON.parse(actual), JSON.parse(expected));
}

const REPORT = `const report = (server) => server.on('listening', () => console.log(JSON.stringify({ address: server.address(), listening: server.listening })))
  .on('error', (error) => console.log(JSON.stringify({ error: { ...error }, message: error.message, listening: server.listening })));
`;

const FORMS = {
  'listen(port)': (port) => `listen(${port})`,
  'listen(port, host)': (port) => `listen(${port}, '127.0.0.1')`,
  'listen(port, host, backlog, callback)': (port) => `listen(${port}, '127.0.0.1', 5, () => {})`,
  'listen({ port, host })': (port) => `listen({ port: ${port}, host: 'localhost' })`,
  'listen({ port, host: "::1" })': (port) => `listen({ port: ${port}, host: '::1' })`,
  'listen({ port, ipv6Only })': (port) => `listen({ port: ${port}, host: '::', ipv6Only: true })`,
  'listen({ port, exclusive: true })': (port) => `listen({ port: ${port}, host: '127.0.0.1', exclusive: true })`,
  'listen("port as a string")': (port) => `listen('${port}')`,
  'listen(path)': () => `listen('./app.sock')`,
  'listen({ path, readableAll, writableAll })': () =>
    `listen({ path: 'all.sock', readableAll: true, writableAll: true })`,
};

for (const [form, call] of Object.entries(FORMS)) {
  test(`${form} and address() are as under plain node`, async (t) =>
    sameAsNode(t, `import net from 'node:net';\n${REPORT}report(net.createServer()).${call(await freePort())};`));
}

test('address() is known when listen() returns, as under plain node', async (t) => {
  const port = await freePort();
  await sameAsNode(
    t,
    `import http from 'node:http'; const server = http.createServer().listen(${port}); console.log(JSON.stringify({ address: server.address() }));`,
  );
});

test('EADDRINUSE is as under plain node: a port of another process', async (t) => {
  const other = net.createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => other.once('listening', resolve));
  t.after(() => other.close());
  await sameAsNode(
    t,
    `import net from 'node:net';\n${REPORT}report(net.createServer()).listen(${other.address().port}, '127.0.0.1');`,
  );
});

test('EADDRINUSE is as under plain node: a port of its own', async (t) =>
  sameAsNode(
    t,
    `import net from 'node:net';\n${REPORT}net.createServer().listen(${await freePort()}, '127.0.0.1', function () { report(net.createServer()).listen(this.address().port, '127.0.0.1'); });`,
  ));

test('EADDRNOTAVAIL is as under plain node', async (t) =>
  sameAsNode(
    t,
    `import net from 'node:net';\n${REPORT}report(net.createServer()).listen(${await freePort()}, '192.0.2.1');`,
  ));

test('close() frees the port, and listen() after close() takes it again', async (t) => {
  const port = await freePort();
  const { handover } = await setUp(t, {
    'app.mjs': `import http from 'node:http';
const server = http.createServer((request, response) => response.end('second'));
const first = http.createServer((request, response) => response.end('first')).listen(${port}, '127.0.0.1', () => console.log('open'));
process.on('SIGUSR2', () => first.close(() => {
  console.log('closed');
  process.once('SIGUSR2', () => {});
  setTimeout(() => server.listen(${port}, '127.0.0.1', () => console.log('again')), 300);
}));`,
  });
  const app = handover(['app.mjs']);
  await app.printed(/generation 1 in /);
  assert.equal((await request(port)).body, 'first');
  app.child.kill('SIGUSR2');
  await app.printed(/closed/);
  await assert.rejects(request(port), { code: 'ECONNREFUSED' });
  await app.printed(/again/);
  assert.equal((await request(port)).body, 'second');
});

test('port 0 stays the same port in every generation, each listen() its own', async (t) => {
  const source = (version) => `import http from 'node:http';
for (const name of ['a', 'b']) {
  const server = http.createServer((request, response) => response.end(name + ${version}));
  server.listen(0, '127.0.0.1', () => console.log(name + '${version}', server.address().port));
}`;
  const { project, handover } = await setUp(t, { 'app.mjs': source(1) });
  const app = handover(['app.mjs']);
  const ports = {};
  for (const name of ['a', 'b']) ports[name] = Number((await app.printed(new RegExp(`${name}1 (\\d+)`)))[1]);
  assert.notEqual(ports.a, ports.b);
  project.save('app.mjs', source(2));
  for (const name of ['a', 'b']) {
    assert.equal(Number((await app.printed(new RegExp(`${name}2 (\\d+)`)))[1]), ports[name]);
  }
  await app.printed(/generation 2 in /);
  for (const name of ['a', 'b']) assert.equal((await request(ports[name])).body, `${name}2`);
});

test('several servers on several ports and a Unix socket are all handed over', async (t) => {
  const ports = [await freePort(), await freePort()];
  const source = (version) => `import http from 'node:http';
for (const where of [${ports}, './app.sock']) http.createServer((request, response) => response.end('v${version}')).listen(where);`;
  const { project, primary } = await setUp(t, { 'app.mjs': source(1) });
  const restarter = primary();
  await restarter.committed(1);
  const all = () =>
    Promise.all([...ports.map((port) => request(port)), request(0, { socketPath: project.path('app.sock') })]);
  assert.deepEqual(
    (await all()).map(({ body }) => body),
    ['v1', 'v1', 'v1'],
  );
  project.save('app.mjs', source(2));
  await restarter.committed(2);
  assert.deepEqual(
    (await all()).map(({ body }) => body),
    ['v2', 'v2', 'v2'],
  );
});

test('IPv4 and IPv6 clients reach a server that listens on the unspecified address', async (t) => {
  const { port, primary } = await setUp(t, (port) => ({
    'app.mjs': `import http from 'node:http'; http.createServer((request, response) => response.end(request.socket.remoteAddress)).listen(${port});`,
  }));
  await primary().committed(1);
  assert.match((await request(port, { host: '127.0.0.1' })).body, /127\.0\.0\.1$/);
  assert.equal((await request(port, { host: '::1' })).body, '::1');
});

test('a changed port: the new one serves, the old one is freed after holdTimeout', async (t) => {
  const [before, after] = [await freePort(), await freePort()];
  const source = (port) =>
    `import http from 'node:http'; http.createServer((request, response) => response.end('here')).listen(${port}, '127.0.0.1');`;
  const { project, primary } = await setUp(t, { 'app.mjs': source(before) });
  const restarter = primary({ holdTimeout: '300ms' });
  await restarter.committed(1);
  project.save('app.mjs', source(after));
  await restarter.committed(2);
  assert.equal((await request(after)).body, 'here');
  // Until then it answers that nothing serves; afterwards it refuses.
  for (;;) {
    const outcome = await request(before).then(
      ({ status }) => status,
      (error) => error.code,
    );
    if (outcome === 'ECONNREFUSED') break;
    assert.equal(outcome, 503);
  }
});

test('a changed address of the same port: the new one is bound at the commit, the old one is no more', async (t) => {
  const source = (version, host) =>
    `import http from 'node:http'; http.createServer((request, response) => response.end('v${version} ' + request.socket.localAddress)).listen(process.env.PORT, '${host}', function () { console.log(this.address().address); });`;
  const { port, project, primary } = await setUp(t, { 'app.mjs': source(1, '0.0.0.0') });
  // For a moment at the commit the port is bound nowhere.
  const bound = async (host) => {
    for (;;) {
      const answer = await request(port, { host }).catch((error) => error);
      if (answer.code !== 'ECONNREFUSED') return answer.body;
    }
  };
  const restarter = primary({ env: { PORT: String(port) } });
  await restarter.committed(1);
  assert.equal((await request(port, { host: '127.0.0.2' })).body, 'v1 127.0.0.2');
  // One that fails changes nothing.
  project.save('app.mjs', `${source(2, '127.0.0.1')} await new Promise(setImmediate); throw new Error('broken');`);
  await restarter.event('rolledBack');
  assert.equal((await request(port, { host: '127.0.0.2' })).body, 'v1 127.0.0.2');
  project.save('app.mjs', source(2, '127.0.0.1'));
  await restarter.committed(2);
  assert.equal(await bound('127.0.0.1'), 'v2 127.0.0.1');
  await assert.rejects(request(port, { host: '127.0.0.2' }), { code: 'ECONNREFUSED' });
  project.save('app.mjs', source(3, '0.0.0.0'));
  await restarter.committed(3);
  assert.equal(await bound('127.0.0.2'), 'v3 127.0.0.2');
  assert.equal(restarter.stdout, '0.0.0.0\n127.0.0.1\n127.0.0.1\n0.0.0.0\n');
});

test('a keep-alive connection of an agent is the same one before and after a restart', async (t) => {
  const source = (version) =>
    `import http from 'node:http'; http.createServer((request, response) => response.end('v${version}')).listen(process.env.PORT, '127.0.0.1');`;
  const { port, project, primary } = await setUp(t, { 'app.mjs': source(1) });
  const restarter = primary({ env: { PORT: String(port) } });
  await restarter.committed(1);
  const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
  t.after(() => agent.destroy());
  const sockets = new Set();
  agent.on('free', (socket) => sockets.add(socket));
  assert.equal((await request(port, { agent })).body, 'v1');
  project.save('app.mjs', source(2));
  assert.equal((await restarter.event('receipt', ({ generation }) => generation === 2)).connectionsMoved, 1);
  assert.equal((await request(port, { agent })).body, 'v2');
  assert.equal(sockets.size, 1);
});

test('a port that the app wants for itself alone is handed over as any other', async (t) => {
  const app = (port, version) => `import http from 'node:http';
http.createServer((request, response) => response.end('v${version}')).listen({ port: ${port}, host: '127.0.0.1', exclusive: true });`;
  const { port, project, primary } = await setUp(t, (port) => ({ 'app.mjs': app(port, 1) }));
  const restarter = primary();
  await restarter.committed(1);
  const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
  t.after(() => agent.destroy());
  const sockets = new Set();
  agent.on('free', (socket) => sockets.add(socket));
  assert.equal((await request(port, { agent })).body, 'v1');
  project.save('app.mjs', app(port, 2));
  assert.equal((await restarter.event('receipt', ({ generation }) => generation === 2)).connectionsMoved, 1);
  assert.equal((await request(port, { agent })).body, 'v2');
  assert.equal((await request(port)).body, 'v2');
  assert.equal(sockets.size, 1);
});
