import assert from 'node:assert/strict';
import { once } from 'node:events';
import http from 'node:http';
import net from 'node:net';
import { test } from 'node:test';
import { counter } from '../helpers/apps.js';
import { request } from '../helpers/clients.js';
import { setUp } from '../helpers/fixture.js';

/** Answers at once, or when the file named in the query is there; streams for ever at /events. */
const slowApp = ({ port, version = 1, keeps = false }) => `import http from 'node:http'; import fs from 'node:fs';
${keeps ? `import { keep } from 'handover'; keep('state', () => ({}));` : ''}
http.createServer((request, response) => {
  const url = new URL(request.url, 'http://app');
  const answer = () => response.end('v${version}');
  if (url.pathname === '/events') { response.writeHead(200, { 'content-type': 'text/event-stream' }); response.write('data: v${version}\\n\\n'); }
  else if (url.pathname === '/inner') http.get('http://127.0.0.1:${port}/', (inner) => inner.resume().on('end', () => response.end('outer v${version}'))).on('error', (error) => response.end(String(error)));
  else if (url.pathname === '/block') { console.log('blocking'); const until = Date.now() + Number(url.searchParams.get('ms')); while (Date.now() < until); answer(); }
  else if (url.searchParams.has('until')) { console.log('waiting'); const timer = setInterval(() => fs.existsSync(url.searchParams.get('until')) && (clearInterval(timer), answer()), 5); }
  else answer();
}).listen(${port}, '127.0.0.1');
`;

async function start(t, { keeps = false, ...options } = {}) {
  const setup = await setUp(t, (port) => ({ 'app.mjs': slowApp({ port, keeps }) }));
  const restarter = setup.primary(options);
  await restarter.committed(1);
  const save = (version) => setup.project.save('app.mjs', slowApp({ port: setup.port, version, keeps }));
  return { ...setup, restarter, save };
}

test('a request in flight is answered by the generation that began it, then its connection moves', async (t) => {
  const { port, project, restarter, save } = await start(t);
  const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
  t.after(() => agent.destroy());
  const slow = request(port, { agent, path: '/?until=done' });
  await restarter.printed(/waiting/);
  save(2);
  await restarter.committed(2);
  assert.equal((await request(port)).body, 'v2', 'others are served by the new one meanwhile');
  project.write({ done: '' });
  const { body, headers } = await slow;
  assert.equal(body, 'v1');
  assert.notEqual(headers.connection, 'close');
  let reused;
  agent.on('free', (socket) => (reused = socket));
  assert.equal((await request(port, { agent })).body, 'v2');
  assert.ok(reused, 'on the same connection');
  assert.equal((await restarter.event('drained')).ended, true);
});

test('requests that were sent one after the other without waiting are all answered by the generation that began them', async (t) => {
  const { port, project, restarter, save } = await start(t, { keeps: true, quiesceTimeout: '10s' });
  await restarter.warm(1);
  const socket = net.connect(port, '127.0.0.1');
  t.after(() => socket.destroy());
  const get = (path) => `GET ${path} HTTP/1.1\r\nHost: app\r\n\r\n`;
  socket.write(get('/?until=first') + get('/?until=second') + get('/'));
  await restarter.printed(/waiting\nwaiting/);
  let text = '';
  const answered = (pattern) =>
    new Promise((resolve) => {
      const check = () => pattern.test(text) && resolve();
      socket.on('data', (chunk) => ((text += chunk), check()));
    });
  const [first, all, moved] = [/v1/, /v1[^]*v1[^]*v1/, /v1[^]*v1[^]*v1[^]*v2/].map(answered);
  const changed = restarter.event('change', ({ reason }) => reason.length > 0);
  save(2);
  await changed;
  project.write({ first: '' });
  await first;
  project.write({ second: '' });
  await all;
  await restarter.committed(2);
  socket.write(get('/'));
  await moved;
  assert.equal(restarter.all('warning').length, 0);
});

test('a connection opened ahead, on which nothing was sent yet, moves', async (t) => {
  const { port, restarter, save } = await start(t);
  const socket = net.connect(port, '127.0.0.1');
  await once(socket, 'connect');
  assert.equal((await request(port)).body, 'v1', 'a later connection was served, so the first has reached the worker');
  save(2);
  await restarter.event('receipt', ({ generation, connectionsMoved }) => generation === 2 && connectionsMoved === 1);
  socket.write('GET / HTTP/1.1\r\nHost: app\r\nConnection: close\r\n\r\n');
  let answer = '';
  for await (const chunk of socket) answer += chunk;
  assert.match(answer, /200 OK[^]*v2$/);
});

test('an event stream is ended cleanly right after the commit and never delays it', async (t) => {
  const { port, restarter, save } = await start(t, { keeps: true, quiesceTimeout: '60s' });
  const stream = await new Promise((resolve) =>
    http.get({ port, host: '127.0.0.1', path: '/events', agent: false }, resolve),
  );
  await once(stream, 'data');
  stream.resume();
  const ended = once(stream, 'end');
  save(2);
  assert.ok((await restarter.committed(2)).pauseMs < 900, 'it was not waited for');
  await ended;
  assert.equal(stream.complete, true);
});

test('a request that never ends is named, and cut after drainTimeout', async (t) => {
  const { port, restarter, save } = await start(t, { keeps: true, quiesceTimeout: '100ms', drainTimeout: '300ms' });
  const never = request(port, { path: '/?until=never' });
  never.catch(() => {});
  await restarter.printed(/waiting/);
  save(2);
  await restarter.committed(2);
  assert.match((await restarter.event('warning')).message, /GET \/\?until=never/);
  assert.equal((await request(port)).body, 'v2');
  await assert.rejects(never, { code: 'ECONNRESET' });
  const { ended, report } = await restarter.event('drained');
  assert.match(report.join(), /GET \/\?until=never was cut/);
  assert.equal(typeof ended, 'boolean');
});

test('a handler that calls its own server and waits is answered, its inner request by the new generation', async (t) => {
  const { port, restarter, save } = await start(t, { keeps: true, fresh: true, quiesceTimeout: '300ms' });
  const changed = restarter.event('change', ({ reason }) => reason.length > 0, restarter.events.length);
  // Its inner request begins while the old generation is quiescing.
  const slow = request(port, { path: '/block?ms=200' });
  await restarter.printed(/blocking/);
  const outer = request(port, { path: '/inner' });
  save(2);
  await changed;
  assert.match((await outer).body, /^outer v[12]$/);
  assert.equal((await slow).status, 200);
  await restarter.committed(2);
});

test('a generation whose event loop is blocked keeps its state: the restart waits', async (t) => {
  const { port, project, primary } = await setUp(t, (port) => ({
    'app.mjs': counter({
      port,
      extra: `server.prependListener('request', (request) => { if (request.url === '/block') { console.log('blocking'); const until = Date.now() + 1500; while (Date.now() < until); } });`,
    }),
  }));
  const restarter = primary();
  await restarter.committed(1);
  await request(port, { method: 'POST' });
  const blocked = request(port, { path: '/block' });
  await restarter.printed(/blocking/);
  const later = request(port, { method: 'POST' });
  project.save('app.mjs', counter({ port, version: 2 }));
  await restarter.committed(2);
  assert.equal((await blocked).status, 200);
  assert.equal((await later).body, '2');
  assert.equal(JSON.parse((await request(port)).body).count, 2);
});

test('a generation that is blocked for good is replaced, from its last checkpoint', async (t) => {
  const app = (port, version) =>
    counter({
      port,
      version,
      extra: `server.prependListener('request', (request) => { if (request.url === '/block') { console.log('blocking'); for (;;); } });`,
    });
  const { port, project, primary } = await setUp(t, (port) => ({ 'app.mjs': app(port, 1) }));
  const restarter = primary({
    quiesceTimeout: '200ms',
    readyTimeout: '3s',
    checkpointInterval: '20ms',
    snapshot: project?.path?.('s'),
  });
  await restarter.committed(1);
  await request(port, { method: 'POST' });
  project.save('app.mjs', app(port, 2));
  await restarter.committed(2);
  const blocked = request(port, { path: '/block' });
  blocked.catch(() => {});
  await restarter.printed(/blocking/);
  project.save('app.mjs', app(port, 3));
  await restarter.committed(3);
  const { version, count } = JSON.parse((await request(port)).body);
  assert.deepEqual({ version, count }, { version: 3, count: 1 });
  await assert.rejects(blocked, { code: 'ECONNRESET' });
});

test('held, not refused, while nothing can serve; then a clear 503 that names the error', async (t) => {
  const { port, project, primary } = await setUp(t, (port) => ({ 'app.mjs': slowApp({ port }) }));
  const restarter = primary({ overlap: false, holdTimeout: '400ms' });
  await restarter.committed(1);
  project.save('app.mjs', 'throw new Error("out of luck <b>");');
  await restarter.event('rolledBack');
  const plain = await request(port);
  assert.equal(plain.status, 503);
  assert.match(plain.body, /out of luck <b>/);
  const page = await request(port, { headers: { accept: 'text/html' } });
  assert.equal(page.status, 503);
  assert.match(page.headers['content-type'], /text\/html/);
  assert.match(page.body, /http-equiv="refresh"[^]*out of luck &#60;b&#62;/);
  const held = request(port);
  project.save('app.mjs', slowApp({ port, version: 2 }));
  await restarter.committed(2);
  assert.equal((await held).body, 'v2');
});

test('at most holdLimit connections are held, the next one is told at once', async (t) => {
  const { port, project, primary } = await setUp(t, (port) => ({ 'app.mjs': slowApp({ port }) }));
  const restarter = primary({ overlap: false, holdLimit: 3 });
  await restarter.committed(1);
  project.save('app.mjs', 'throw new Error("not yet");');
  await restarter.event('rolledBack');
  const outcomes = [];
  const requests = Array.from({ length: 5 }, () => request(port).then(({ status }) => outcomes.push(status)));
  await Promise.race(requests);
  await Promise.any(
    requests.map((sent) => sent.then(() => outcomes.length === 2 || Promise.reject(new Error('not yet')))),
  );
  assert.deepEqual(outcomes, [503, 503]);
  project.save('app.mjs', slowApp({ port, version: 2 }));
  await Promise.all(requests);
  assert.deepEqual(outcomes, [503, 503, 200, 200, 200]);
});

/** That many keep-alive connections, each of which has been answered. */
async function openIdle(t, port, count) {
  const agents = Array.from({ length: count }, () => new http.Agent({ keepAlive: true, maxSockets: 1 }));
  t.after(() => agents.forEach((agent) => agent.destroy()));
  const sockets = new Set();
  const ask = async () => {
    const answers = await Promise.all(agents.map((agent) => request(port, { agent })));
    for (const agent of agents) for (const socket of Object.values(agent.freeSockets).flat()) sockets.add(socket);
    return answers.map(({ body }) => body);
  };
  await ask();
  return { ask, sockets };
}

test('hundreds of idle connections move, and each is answered by the new generation', async (t) => {
  const { port, restarter, save } = await start(t, { keeps: true });
  const count = 400;
  const { ask, sockets } = await openIdle(t, port, count);
  save(2);
  await restarter.event(
    'receipt',
    ({ generation, connectionsMoved }) => generation === 2 && connectionsMoved === count,
  );
  assert.deepEqual(new Set(await ask()), new Set(['v2']));
  assert.equal(sockets.size, count, 'on the same connections');
});

/** An app whose server closes connections after short timeouts, and its clients. */
async function startImpatient(t, options) {
  const source = (port, version) =>
    slowApp({ port, version }).replace('createServer(', `createServer(${JSON.stringify(options)}, `);
  const { port, project, primary } = await setUp(t, (port) => ({ 'app.mjs': source(port, 1) }));
  const restarter = primary();
  await restarter.committed(1);
  const connect = async () => {
    const socket = net.connect(port, '127.0.0.1').setNoDelay();
    t.after(() => socket.destroy());
    await once(socket, 'connect');
    return socket;
  };
  const ask = async (socket, path = '/') => {
    socket.write(`GET ${path} HTTP/1.1\r\nHost: app\r\n\r\n`);
    const [data] = await once(socket, 'data');
    return /v\d$/.exec(String(data))?.[0];
  };
  const restart = async (generation, connections) => {
    project.save('app.mjs', source(port, generation));
    await restarter.event(
      'receipt',
      (receipt) => receipt.generation === generation && receipt.connectionsMoved === connections,
    );
  };
  return { project, restarter, connect, ask, restart };
}

test('an idle connection that has moved is not told that its next request is late', async (t) => {
  const timeouts = { headersTimeout: 400, requestTimeout: 400, connectionsCheckingInterval: 50, keepAliveTimeout: 0 };
  const { connect, ask, restart } = await startImpatient(t, timeouts);
  const moved = await connect();
  assert.equal(await ask(moved), 'v1');
  // The second time it is one on which this process has answered nothing.
  await restart(2, 1);
  await restart(3, 1);
  // Of one on which nothing was sent yet that is true, and its time began later.
  const fresh = await connect();
  assert.match(String((await once(fresh, 'data'))[0]), /^HTTP\/1.1 408 /);
  assert.equal(await ask(moved), 'v3');
});

test('an idle connection that has moved is closed quietly after keepAliveTimeout, but not with a request on it', async (t) => {
  const { project, restarter, connect, ask, restart } = await startImpatient(t, { keepAliveTimeout: 200 });
  const [idle, busy] = [await connect(), await connect()];
  assert.deepEqual([await ask(idle), await ask(busy)], ['v1', 'v1']);
  await restart(2, 2);
  const since = restarter.stdout.length;
  const slow = ask(busy, '/?until=done');
  await restarter.printed(/waiting/, { since });
  const later = await connect();
  assert.equal(await ask(later), 'v2');
  const ended = once(later, 'close');
  let text = '';
  for await (const chunk of idle) text += chunk;
  assert.equal(text, '');
  // One that was asked in this process has been closed, too, later than the slow one could have been.
  later.resume();
  await ended;
  project.write({ done: '' });
  assert.equal(await slow, 'v2');
});

test('holdLimit is for those that connect: what was handed back is held in any case', async (t) => {
  const { port, project, primary } = await setUp(t, (port) => ({ 'app.mjs': slowApp({ port }) }));
  const restarter = primary({ overlap: false, holdLimit: 1 });
  await restarter.committed(1);
  const { ask, sockets } = await openIdle(t, port, 5);
  project.save('app.mjs', 'throw new Error("not yet");');
  await restarter.event('rolledBack');
  project.save('app.mjs', slowApp({ port, version: 2 }));
  await restarter.committed(2);
  assert.deepEqual(new Set(await ask()), new Set(['v2']));
  assert.equal(sockets.size, 5, 'on the same connections');
});

test('a connection handed to a worker that dies before acknowledging it is routed again', async (t) => {
  const { port, restarter } = await start(t);
  const blocked = request(port, { path: '/block?ms=60000' });
  blocked.catch(() => {});
  await restarter.printed(/blocking/);
  // They lie in the channel of a worker that doesn't read it.
  const requests = Array.from({ length: 10 }, () => request(port));
  const connected = once(net.connect(port, '127.0.0.1'), 'connect');
  await connected;
  process.kill(restarter.all('committed')[0].pid, 'SIGKILL');
  for (const { body } of await Promise.all(requests)) assert.equal(body, 'v1');
  await assert.rejects(blocked, { code: 'ECONNRESET' });
  assert.equal(restarter.all('crashed').length, 1);
});

test('an upgraded connection answers nothing that is not carried over, and ends cleanly', async (t) => {
  const app = (port, version) => `import http from 'node:http'; import { keep } from 'handover';
const state = keep('state', () => ({ count: 0 }));
const server = http.createServer((request, response) => response.end('v${version} ' + state.count));
server.on('upgrade', (request, socket) => {
  socket.write('HTTP/1.1 101 Switching Protocols\\r\\nConnection: Upgrade\\r\\nUpgrade: counting\\r\\n\\r\\n');
  socket.on('data', () => socket.write(String(++state.count))).on('end', () => socket.end());
});
server.listen(${port}, '127.0.0.1');`;
  const { port, project, primary } = await setUp(t, (port) => ({ 'app.mjs': app(port, 1) }));
  const restarter = primary();
  await restarter.warm(1);
  const answers = [];
  const errors = [];
  const until = { isOver: false };
  const countOnOne = () =>
    new Promise((resolve) => {
      const headers = { connection: 'upgrade', upgrade: 'counting' };
      const sent = http.request({ port, host: '127.0.0.1', headers, agent: false }).end();
      sent.on('error', (error) => resolve(errors.push(error.code)));
      sent.on('upgrade', (response, socket) => {
        socket.on('data', (count) => {
          answers.push(Number(count));
          if (until.isOver) socket.end();
          else socket.write('one more');
        });
        socket.on('error', (error) => errors.push(error.code));
        socket.on('close', resolve);
        socket.write('one');
      });
    });
  const counting = Array.from({ length: 5 }, async () => {
    while (!until.isOver) await countOnOne();
  });
  for (let generation = 2; generation <= 4; generation++) {
    project.save('app.mjs', app(port, generation));
    await restarter.warm(generation);
  }
  until.isOver = true;
  await Promise.all(counting);
  assert.deepEqual(errors, []);
  assert.equal(new Set(answers).size, answers.length);
  assert.ok(Number((await request(port)).body.split(' ')[1]) >= answers.length);
});
