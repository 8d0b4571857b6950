import assert from 'node:assert/strict';
import { once } from 'node:events';
import https from 'node:https';
import net from 'node:net';
import { test } from 'node:test';
import { setUp } from '../helpers/fixture.js';
import { gone } from '../helpers/process.js';
import { CLIENT, get, OTHER_NAME, RawClient, secureRequest, SERVER } from '../helpers/tls.js';

/**
 * Counts POSTs, in kept state when it `keeps`; tells at /socket what its TLS socket is; answers a GET at once, or when the
 * file named in the query is there. `slow`: it waits for the file `go` while it starts.
 */
const app = ({ port, version = 1, keeps = false, slow = false, options = '{}' }) => `import https from 'node:https';
import fs from 'node:fs';
import tls from 'node:tls';
${keeps ? `import { keep } from 'handover';` : ''}
const state = ${keeps ? `keep('state', () => ({ count: 0 }))` : '{ count: 0 }'};
const when = (file) => new Promise((resolve) => { const timer = setInterval(() => fs.existsSync(file) && (clearInterval(timer), resolve()), 5); });
${slow ? `await when('go');` : ''}
const facts = (socket) => ({
  encrypted: socket.encrypted, isTls: socket instanceof tls.TLSSocket, from: [socket.remoteAddress, socket.remotePort, socket.remoteFamily],
  to: [socket.localAddress, socket.localPort, socket.address()], authorized: socket.authorized, error: socket.authorizationError,
  alpn: socket.alpnProtocol, servername: socket.servername, protocol: socket.getProtocol(), cipher: socket.getCipher(),
  reused: socket.isSessionReused(), peer: socket.getPeerCertificate(), peerX509: socket.getPeerX509Certificate()?.subject,
  issuer: socket.getPeerCertificate(true)?.issuerCertificate?.subject, own: socket.getCertificate().subject, ownX509: socket.getX509Certificate().subject,
  finished: socket.getFinished()?.toString('hex'),
});
const server = https.createServer({ ...${SERVER}, ...${options} }, async (request, response) => {
  const url = new URL(request.url, 'https://app');
  if (request.method === 'POST') { for await (const chunk of request); response.end(String(++state.count)); return; }
  if (url.pathname === '/count') return void response.end(String(state.count));
  if (url.pathname === '/socket') return void response.end(JSON.stringify(facts(request.socket)));
  if (url.pathname === '/download') { response.write('x'.repeat(1e6)); await when('rest'); return void response.end('y'.repeat(1e6) + 'v${version}'); }
  if (url.searchParams.has('until')) { console.log('waiting'); await when(url.searchParams.get('until')); }
  response.end('v${version}');
});
server.addContext(${OTHER_NAME});
server.listen(${port}, '127.0.0.1');
`;

async function start(t, { source = {}, ...options } = {}) {
  const setup = await setUp(t, (port) => ({ 'app.mjs': app({ port, ...source }) }));
  const restarter = setup.primary(options);
  const { pid } = await restarter.committed(1);
  const save = (version, extra) =>
    setup.project.save('app.mjs', app({ port: setup.port, version, ...source, ...extra }));
  /** Saves, and waits until that many connections have moved. */
  const restart = async (version, connections, extra) => {
    save(version, extra);
    await restarter.event(
      'receipt',
      ({ generation, connectionsMoved }) => generation === version && connectionsMoved === connections,
    );
  };
  const ended = (generation) => restarter.event('drained', (detail) => detail.generation === generation);
  const connect = (options) => RawClient.connect(t, setup.port, options);
  return { ...setup, restarter, pid, save, restart, ended, connect };
}

const SAVES = 8;

for (const options of [{}, { fresh: true }]) {
  test(`under load, with ${JSON.stringify(options)}, no request fails, no write is lost or repeated`, async (t) => {
    const { port, restarter, save, load: startLoad } = await start(t, { source: { keeps: true }, ...options });
    const load = startLoad({ clients: 20, send: secureRequest, Agent: https.Agent });
    for (let version = 2; version <= SAVES + 1; version++) {
      await load.more(60);
      save(version);
      await restarter.committed(version);
    }
    await load.more(60);
    await load.stop();
    assert.deepEqual(load.failures, []);
    assert.equal((await secureRequest(port, { path: '/count' })).body, String(load.acknowledged));
    assert.equal(new Set(load.bodies).size, load.acknowledged, 'no write was applied twice');
    assert.equal((await secureRequest(port)).body, `v${SAVES + 1}`);
    for (let generation = 1; generation <= SAVES; generation++) {
      const { report } = await restarter.event('drained', (detail) => detail.generation === generation);
      assert.deepEqual(report, []);
    }
    await gone(restarter.all('drained').map(({ pid }) => pid));
  });
}

test('overlap: false: no write is lost or repeated, and the old process has ended before the new one loads', async (t) => {
  const { port, restarter, save, load: startLoad } = await start(t, { source: { keeps: true }, overlap: false });
  const load = startLoad({ clients: 8, send: secureRequest, Agent: https.Agent });
  for (let version = 2; version <= 4; version++) {
    await load.more(40);
    save(version);
    await restarter.committed(version);
  }
  await load.more(40);
  await load.stop();
  // An idle connection is closed, and a request that is sent at that moment is reset.
  assert.deepEqual(new Set(load.failures), new Set(load.failures.length > 0 ? ['ECONNRESET'] : []));
  assert.equal((await secureRequest(port, { path: '/count' })).body, String(load.acknowledged));
  t.diagnostic(`${load.failures.length} of ${load.acknowledged} requests were reset`);
});

test('an idle connection moves; its client is told with its second answer to open another, and the old process ends', async (t) => {
  const { pid, restart, ended, connect } = await start(t);
  const client = await connect();
  assert.deepEqual(await client.ask(), { isLast: false, body: 'v1' });
  await restart(2, 1);
  assert.deepEqual(await client.ask(), { isLast: false, body: 'v2' });
  assert.deepEqual(await client.ask(), { isLast: true, body: 'v2' });
  await client.ended;
  assert.deepEqual((await ended(1)).report, []);
  await gone([pid]);
});

test('an idle connection moves on at every restart, and each generation in between ends', async (t) => {
  const { restarter, pid, restart, ended, connect } = await start(t, { source: { keeps: true } });
  const client = await connect();
  await client.ask();
  for (let version = 2; version <= 5; version++) await restart(version, 1);
  assert.deepEqual(await client.ask(), { isLast: false, body: 'v5' });
  for (let generation = 2; generation <= 4; generation++) await ended(generation);
  assert.ok(!restarter.all('drained').some((detail) => detail.pid === pid), 'its TLS end is in the first one still');
  client.socket.destroy();
  await ended(1);
});

test('one on which nothing was asked yet moves, and so does one whose handshake has not begun', async (t) => {
  const { port, restarter, save, connect } = await start(t, { source: { keeps: true } });
  const client = await connect();
  const socket = net.connect(port, '127.0.0.1');
  await once(socket, 'connect');
  await secureRequest(port);
  save(2);
  await restarter.committed(2);
  const late = await connect({ socket });
  assert.equal((await late.ask()).body, 'v2');
  assert.equal((await client.ask()).body, 'v2');
});

test('what an app asks the socket of a moved connection for is what it was', async (t) => {
  const { port, restart } = await start(t);
  const agents = [
    new https.Agent({ keepAlive: true, ...CLIENT }),
    new https.Agent({ keepAlive: true, servername: 'other.localhost', maxVersion: 'TLSv1.2' }),
  ];
  t.after(() => agents.forEach((agent) => agent.destroy()));
  const ask = (agent) =>
    secureRequest(port, { path: '/socket', agent, servername: agent.options.servername ?? 'localhost' });
  const before = await Promise.all(agents.map(ask));
  await restart(2, 2);
  const after = await Promise.all(agents.map(ask));
  for (const [index, { body, localPort }] of after.entries()) {
    assert.equal(localPort, before[index].localPort, 'the same connection');
    assert.deepEqual(JSON.parse(body), JSON.parse(before[index].body));
  }
  const [client, other] = after.map(({ body }) => JSON.parse(body));
  assert.equal(client.authorized, true);
  assert.equal(client.peer.subject.CN, 'client');
  assert.equal(client.encrypted, true);
  assert.equal(client.from[1], after[0].localPort);
  assert.equal(other.authorized, false);
  assert.equal(other.servername, 'other.localhost');
  assert.equal(other.protocol, 'TLSv1.2');
});

test('a request on an idle connection after the capture is answered by the next generation', async (t) => {
  const { project, restarter, save, connect } = await start(t, { source: { keeps: true } });
  const client = await connect();
  await client.ask();
  save(2, { slow: true });
  await restarter.event('captured');
  const answer = client.ask();
  project.write({ go: '' });
  assert.equal((await answer).body, 'v2');
});

test('after a rollback nothing has changed: the old generation answers what was sent meanwhile', async (t) => {
  const { restarter, project, save, connect } = await start(t, { source: { keeps: true } });
  const client = await connect();
  await client.ask();
  project.save('app.mjs', `import { keep } from 'handover'; keep('state', () => 0); throw new Error('out of luck');`);
  await restarter.event('captured');
  const answer = client.ask();
  await restarter.event('rolledBack');
  assert.deepEqual(await answer, { isLast: false, body: 'v1' });
  assert.deepEqual(await client.ask(), { isLast: false, body: 'v1' });
  save(2);
  await restarter.committed(2);
  assert.equal((await client.ask()).body, 'v2');
});

test('a slow request, an upload and a download finish in the generation that began them, then their connections move', async (t) => {
  const { port, project, restarter, save, connect } = await start(t);
  const slow = await connect();
  slow.write(get('/?until=done'));
  const upload = await connect();
  upload.write('POST / HTTP/1.1\r\nHost: app\r\nContent-Length: 200000\r\n\r\n' + 'x'.repeat(100_000));
  const agent = new https.Agent({ keepAlive: true });
  t.after(() => agent.destroy());
  const download = secureRequest(port, { path: '/download', agent });
  await restarter.printed(/waiting/);
  save(2);
  await restarter.committed(2);
  upload.write('x'.repeat(100_000));
  project.write({ done: '', rest: '' });
  assert.deepEqual(await slow.answers(1), [{ isLast: false, body: 'v1' }]);
  const { body, localPort } = await download;
  assert.equal(body.length, 2e6 + 2);
  assert.match(body, /yv1$/);
  while (!upload.text.endsWith('\r\n\r\n1')) await once(upload.socket, 'data');
  upload.text = '';
  await restarter.event('receipt', ({ generation }) => generation === 2);
  assert.equal((await slow.ask()).body, 'v2');
  assert.equal((await upload.ask()).body, 'v2');
  const next = await secureRequest(port, { agent });
  assert.deepEqual([next.body, next.localPort], ['v2', localPort]);
});

test('a request behind a slow one that outlives the capture is for the next generation, with what it writes', async (t) => {
  const { project, restarter, save, connect } = await start(t, { source: { keeps: true }, quiesceTimeout: 50 });
  const client = await connect();
  client.write(get('/?until=done'));
  await restarter.printed(/waiting/);
  save(2);
  await restarter.event('receipt', ({ generation }) => generation === 2);
  client.write(get() + get());
  client.write(get());
  project.write({ done: '' });
  assert.deepEqual(
    await client.answers(4),
    ['v1', 'v2', 'v2', 'v2'].map((body) => ({ isLast: false, body })),
  );
  assert.equal((await client.ask()).body, 'v2');
});

test('so are many that come at once, in more than one record', async (t) => {
  const { project, restarter, save, connect } = await start(t, { source: { keeps: true }, quiesceTimeout: 50 });
  const client = await connect();
  client.write(get('/?until=done'));
  await restarter.printed(/waiting/);
  save(2);
  await restarter.event('receipt', ({ generation }) => generation === 2);
  // A record has 16 kB at most.
  client.write(get(`/?${'x'.repeat(3000)}`).repeat(12));
  project.write({ done: '' });
  const bodies = (await client.answers(13)).map(({ body }) => body);
  assert.deepEqual(bodies, ['v1', ...Array.from({ length: 12 }, () => 'v2')]);
  assert.equal((await client.ask()).body, 'v2');
});

test('a request of which a part has arrived is answered when the rest comes', async (t) => {
  const { restarter, save, connect } = await start(t);
  const client = await connect();
  await client.ask();
  client.write('GET / HTTP/1.1\r\nHo');
  save(2);
  await restarter.event('receipt', ({ generation }) => generation === 2);
  client.write('st: app\r\n\r\n');
  assert.match((await client.answers(1))[0].body, /^v[12]$/);
  assert.equal((await client.ask()).body, 'v2');
});

test('requests sent one after the other without waiting are all answered, in every generation', async (t) => {
  const { restart, connect } = await start(t);
  const client = await connect();
  for (let version = 1; version <= 3; version++) {
    if (version > 1) await restart(version, 1);
    for (let burst = 0; burst < 3; burst++) {
      client.write(get().repeat(3));
      assert.deepEqual(
        await client.answers(3),
        Array.from({ length: 3 }, () => ({ isLast: false, body: `v${version}` })),
      );
    }
  }
});

test('a moved connection is closed quietly after keepAliveTimeout, and the old process ends then', async (t) => {
  const { pid, restart, ended, connect } = await start(t, { source: { options: '{ keepAliveTimeout: 60_000 }' } });
  const client = await connect();
  await client.ask();
  await restart(2, 1, { options: '{ keepAliveTimeout: 200 }' });
  await client.ended;
  assert.equal(client.text, '');
  assert.deepEqual((await ended(1)).report, []);
  await gone([pid]);
});

test('one that stays idle for longer than drainTimeout is cut and named', async (t) => {
  const { restart, ended, connect } = await start(t, {
    source: { options: '{ keepAliveTimeout: 60_000 }' },
    drainTimeout: '400ms',
  });
  const client = await connect();
  await client.ask();
  await restart(2, 1);
  const { report } = await ended(1);
  assert.match(report.join(), /a connection of 127\.0\.0\.1 was cut/);
  await client.closed;
});

test('a TLS session of before the restart is no obstacle', async (t) => {
  const { restarter, save, connect } = await start(t);
  const first = await connect({ maxVersion: 'TLSv1.2' });
  await first.ask();
  const session = first.socket.getSession();
  save(2);
  await restarter.committed(2);
  const second = await connect({ session, maxVersion: 'TLSv1.2' });
  assert.equal((await second.ask()).body, 'v2');
});

test('stopping ends moved connections and all processes at once', async (t) => {
  const { pid, restarter, restart, connect } = await start(t);
  const client = await connect();
  await client.ask();
  await restart(2, 1);
  const began = performance.now();
  await restarter.stop();
  assert.ok(performance.now() - began < 4000, 'before keepAliveTimeout');
  await client.ended;
  await gone([pid]);
});
