import assert from 'node:assert/strict';
import { once } from 'node:events';
import https from 'node:https';
import net from 'node:net';
import tls from 'node:tls';
import { test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { setUp } from '../helpers/fixture.js';
import { GOAWAY, HEADERS, Http2Client, isRefused, RST_STREAM, StubbornClient } from '../helpers/http2.js';
import { gone } from '../helpers/process.js';
import { secureRequest, SERVER, TRUST } from '../helpers/tls.js';

/**
 * Counts POSTs, in kept state when it `keeps`; streams for ever at /events; answers a GET at once, or when the file named in
 * the query is there. `slow`: it waits for the file `go` while it starts.
 */
const app = ({ port, version = 1, keeps = false, slow = false, secure = false }) => `import http2 from 'node:http2';
import fs from 'node:fs';
${keeps ? `import { keep } from 'handover';` : ''}
const state = ${keeps ? `keep('state', () => ({ count: 0 }))` : '{ count: 0 }'};
const when = (file) => new Promise((resolve) => { const timer = setInterval(() => fs.existsSync(file) && (clearInterval(timer), resolve()), 5); });
${slow ? `await when('go');` : ''}
http2.${secure ? `createSecureServer({ ...${SERVER}, allowHTTP1: true }` : 'createServer({}'}, async (request, response) => {
  const url = new URL(request.url, 'https://app');
  if (request.method === 'POST') { for await (const chunk of request); return void response.end(String(++state.count)); }
  if (url.pathname === '/count') return void response.end(String(state.count));
  if (url.pathname === '/events') { response.writeHead(200, { 'content-type': 'text/event-stream' }); return void setInterval(() => response.write('data: v${version}\\n\\n'), 20); }
  if (url.searchParams.has('until')) { console.log('waiting'); await when(url.searchParams.get('until')); }
  response.end('v${version}');
}).listen(${port}, '127.0.0.1');
`;

async function start(t, { source = {}, ...options } = {}) {
  const setup = await setUp(t, (port) => ({ 'app.mjs': app({ port, ...source }) }));
  const restarter = setup.primary(options);
  const { pid } = await restarter.committed(1);
  const save = (version, extra) =>
    setup.project.save('app.mjs', app({ port: setup.port, version, ...source, ...extra }));
  const ended = (generation) => restarter.event('drained', (detail) => detail.generation === generation);
  const client = (options) => new Http2Client(t, setup.port, { secure: source.secure, ...options });
  return { ...setup, restarter, pid, save, ended, client };
}

const SAVES = 6;
const SESSIONS = 4;
const STREAMS = 3;

for (const secure of [true, false]) {
  const name = secure ? 'HTTP/2 over TLS' : 'HTTP/2 in plain text';
  test(`${name}, under load: what fails was refused, and no write is lost or repeated`, async (t) => {
    const { restarter, save, ended, client } = await start(t, { source: { secure, keeps: true } });
    const clients = Array.from({ length: SESSIONS }, () => client());
    const counts = [];
    const failures = [];
    let refused = 0;
    const stop = new AbortController();
    let waiters = [];
    const more = (count) => new Promise((resolve) => waiters.push({ at: counts.length + count, resolve }));
    const write = async (client) => {
      try {
        const { status, body } = await client.request({ ':method': 'POST' }, 'x'.repeat(100));
        if (status === 200) counts.push(body);
        else failures.push(`status ${status}`);
      } catch (error) {
        if (isRefused(error)) refused++;
        else failures.push(error.message);
      }
      waiters = waiters.filter(({ at, resolve }) => (counts.length >= at ? resolve() : true));
    };
    const loops = clients.flatMap((client) =>
      Array.from({ length: STREAMS }, async () => {
        while (!stop.signal.aborted) await write(client);
      }),
    );
    for (let version = 2; version <= SAVES + 1; version++) {
      await more(100);
      save(version);
      await restarter.committed(version);
    }
    await more(100);
    stop.abort();
    await Promise.all(loops);
    assert.deepEqual([...failures, ...clients.flatMap((client) => client.failures)], []);
    const { body } = await client().request({ ':path': '/count' });
    assert.equal(Number(body), counts.length);
    assert.equal(new Set(counts).size, counts.length);
    t.diagnostic(`${refused} of ${counts.length + refused} streams were refused`);
    for (let generation = 1; generation <= SAVES; generation++) assert.deepEqual((await ended(generation)).report, []);
    await gone(restarter.all('drained').map(({ pid }) => pid));
  });

  test(`${name}: a stream in flight is answered by the generation that began it, the next one by the new one`, async (t) => {
    const { project, pid, restarter, save, ended, client } = await start(t, { source: { secure } });
    const one = client();
    const slow = one.request({ ':path': '/?until=done' });
    const upload = one.request({ ':method': 'POST' }, null);
    upload.stream.write('x'.repeat(1000));
    await restarter.printed(/waiting/);
    const told = once(one.session, 'goaway');
    save(2);
    await restarter.committed(2);
    await told;
    assert.deepEqual(await one.request(), { status: 200, body: 'v2' });
    assert.equal(one.sessions, 2);
    upload.stream.end('x'.repeat(1000));
    project.write({ done: '' });
    assert.deepEqual(await slow, { status: 200, body: 'v1' });
    assert.deepEqual(await upload, { status: 200, body: '1' });
    assert.deepEqual((await ended(1)).report, []);
    await gone([pid]);
  });
}

test('a session at rest is closed, and makes no pause', async (t) => {
  const { restarter, save, ended, client } = await start(t, { source: { keeps: true } });
  const one = client();
  const waits = [];
  for (const version of [1, 2, 3]) {
    await restarter.warm(version);
    assert.equal((await one.request()).body, `v${version}`);
    const closed = once(one.session, 'close');
    // So long one whose last stream has ended is not at rest.
    await delay(150);
    save(version + 1);
    const { phases } = await restarter.committed(version + 1);
    waits.push(phases.find(({ name }) => name === 'quiesce').ms);
    await closed;
    assert.equal((await one.request()).body, `v${version + 1}`);
    await ended(version);
  }
  await gone(restarter.all('drained').map(({ pid }) => pid));
  // A busy machine may take as long by itself now and then.
  assert.ok(waits.toSorted((a, b) => a - b)[1] < 90, String(waits));
});

test('a stream of events does not delay the commit, and ends right after it', async (t) => {
  const options = { source: { keeps: true }, quiesceTimeout: '60s' };
  const { restarter, save, ended, client } = await start(t, options);
  const events = client().request({ ':path': '/events' });
  await once(events.stream, 'data');
  save(2);
  assert.ok((await restarter.committed(2)).pauseMs < 900, 'it was not waited for');
  assert.equal((await events).status, 200);
  assert.deepEqual((await ended(1)).report, []);
  assert.equal(restarter.all('warning').length, 0);
});

test('a stream that never ends is named, and cut after drainTimeout', async (t) => {
  const options = { quiesceTimeout: '100ms', drainTimeout: '400ms' };
  const { restarter, save, ended, client } = await start(t, { source: { keeps: true }, ...options });
  const never = client().request({ ':path': '/?until=never' });
  never.catch(() => {});
  await restarter.printed(/waiting/);
  save(2);
  await restarter.committed(2);
  assert.match((await restarter.event('warning')).message, /GET \/\?until=never/);
  assert.match((await ended(1)).report.join(), /GET \/\?until=never was cut/);
  await never.catch(() => {});
});

test('after a rollback the old generation answers on, and no stream has failed', async (t) => {
  const { project, restarter, save, client } = await start(t, { source: { keeps: true } });
  const [one, other] = [client(), client()];
  await Promise.all([one.request(), other.request()]);
  const closed = [one, other].map(({ session }) => once(session, 'close'));
  project.save('app.mjs', `import { keep } from 'handover'; keep('state', () => 0); throw new Error('out of luck');`);
  await Promise.all(closed);
  await restarter.event('captured');
  const answer = one.request();
  await restarter.event('rolledBack');
  assert.deepEqual(await answer, { status: 200, body: 'v1' });
  assert.equal((await other.request({ ':method': 'POST' }, 'x')).body, '1');
  save(2);
  await restarter.committed(2);
  assert.equal((await other.request({ ':path': '/count' })).body, '1');
  assert.equal((await one.request()).body, 'v2');
  assert.deepEqual([...one.failures, ...other.failures], []);
});

const isEndOf = (stream) => (frame) =>
  (frame.type === RST_STREAM && frame.stream === stream && frame.payload.readUInt32BE() === 7) ||
  (frame.type === GOAWAY && frame.payload.readUInt32BE() < stream);

test('a client that takes no notice: what it begins after the capture is refused, never answered by the old generation', async (t) => {
  const { port, project, restarter, save } = await start(t, { source: { keeps: true } });
  const client = await StubbornClient.connect(t, port);
  client.get(1, '/?until=done');
  await restarter.printed(/waiting/);
  // What it has in flight keeps its session open.
  save(2, { slow: true });
  await client.frame(({ type }) => type === GOAWAY);
  client.get(3);
  await client.frame(isEndOf(3));
  await restarter.event('captured');
  client.get(5);
  project.write({ go: '' });
  await restarter.committed(2);
  project.write({ done: '' });
  await client.frame(({ type, stream }) => type === HEADERS && stream === 1);
  await client.closed;
  assert.ok(!client.frames.some(({ type, stream }) => type === HEADERS && stream > 1));
  assert.ok(client.frames.some(isEndOf(5)));
});

test('allowHTTP1: an idle connection of HTTP/1.1 moves, beside sessions that are told', async (t) => {
  const { port, restarter, save, client } = await start(t, { source: { keeps: true, secure: true } });
  const agent = new https.Agent({ keepAlive: true, maxSockets: 1 });
  t.after(() => agent.destroy());
  const one = client();
  assert.equal((await one.request()).body, 'v1');
  const before = await secureRequest(port, { agent });
  save(2);
  await restarter.event('receipt', ({ generation, connectionsMoved }) => generation === 2 && connectionsMoved === 1);
  const after = await secureRequest(port, { agent });
  assert.deepEqual([before.body, after.body, after.localPort], ['v1', 'v2', before.localPort]);
  assert.equal((await one.request()).body, 'v2');
});

test('a session whose handshake has not begun when its connection was accepted is one of the new generation', async (t) => {
  const { port, restarter, save, client } = await start(t, { source: { keeps: true, secure: true } });
  const socket = net.connect(port, '127.0.0.1');
  await once(socket, 'connect');
  assert.equal((await client().request()).body, 'v1');
  save(2);
  await restarter.committed(2);
  const secure = tls.connect({ socket, servername: 'localhost', ALPNProtocols: ['h2'], ...TRUST });
  await once(secure, 'secureConnect');
  assert.equal((await client({ createConnection: () => secure }).request()).body, 'v2');
});

test('overlap: false: sessions are told, and no write is lost', async (t) => {
  const { restarter, save, client } = await start(t, { source: { keeps: true }, overlap: false });
  const one = client();
  for (let version = 2; version <= 4; version++) {
    assert.equal((await one.request({ ':method': 'POST' }, 'x')).body, String(version - 1));
    save(version);
    await restarter.committed(version);
  }
  assert.equal((await one.request({ ':path': '/count' })).body, '3');
  assert.deepEqual(one.failures, []);
});

test('stopping closes sessions, and waits for what they have in flight', async (t) => {
  const { project, pid, restarter, client } = await start(t, { source: { secure: true } });
  const [resting, busy] = [client(), client()];
  await resting.request();
  const slow = busy.request({ ':path': '/?until=done' });
  await restarter.printed(/waiting/);
  const closed = once(resting.session, 'close');
  const stopped = restarter.stop();
  await closed;
  project.write({ done: '' });
  assert.deepEqual(await slow, { status: 200, body: 'v1' });
  await stopped;
  assert.deepEqual([...resting.failures, ...busy.failures], []);
  await gone([pid]);
});

test('an app that refuses a session at once goes on, through a restart as well', async (t) => {
  const source = (port, version) => `import http2 from 'node:http2';
let count = 0;
const server = http2.createServer((request, response) => response.end('v${version}'));
server.on('session', (session) => { if (count++ === 0) session.destroy(); });
server.listen(${port}, '127.0.0.1');
`;
  const { port, project, primary } = await setUp(t, (port) => ({ 'app.mjs': source(port, 1) }));
  const restarter = primary();
  for (const version of [1, 2]) {
    await restarter.committed(version);
    const client = new Http2Client(t, port, { secure: false });
    await client.request().catch(() => {});
    assert.equal((await client.request()).body, `v${version}`);
    assert.equal(client.sessions, 2);
    project.save('app.mjs', source(port, version + 1));
  }
  assert.deepEqual(restarter.all('crashed'), []);
});
