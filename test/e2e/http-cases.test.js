import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { request } from '../helpers/clients.js';
import { setUp } from '../helpers/fixture.js';
import { gatedRestart, VARIANTS } from '../helpers/gated.js';
import { RawClient } from '../helpers/raw-client.js';

const app = ({ port, version, options = {} }) => `import fs from 'node:fs'; import http from 'node:http';
import { keep, onShutdown } from 'handover';
const state = keep('state', () => ({ count: 0 }));
const polls = new Set();
const exists = (file) => new Promise((resolve) => { const timer = setInterval(() => fs.existsSync(file) && (clearInterval(timer), resolve()), 2); });
const server = http.createServer(async (request, response) => {
  const url = new URL(request.url, 'http://app');
  switch (url.pathname) {
    case '/length': response.setHeader('content-length', 3).end('v${version};'); break;
    case '/304': response.writeHead(304).end(); break;
    case '/early-hints': response.writeEarlyHints({ link: '</a.css>; rel=preload' }); response.end('v${version};'); break;
    case '/trailers': response.writeHead(200, { trailer: 'x-sum' }); response.write('v${version}'); response.addTrailers({ 'x-sum': '1' }); response.end(';'); break;
    case '/early-answer': console.log('answered'); response.end('early v${version};'); break;
    case '/poll': polls.add(response); response.on('close', () => polls.delete(response)); console.log('polling'); break;
    case '/wait': console.log('waiting'); await exists(url.searchParams.get('until')); response.end('v${version};'); break;
    case '/post': request.resume().on('end', () => response.end('v${version} ' + ++state.count + ';')); break;
    default: response.end('v${version};');
  }
});
Object.assign(server, ${JSON.stringify(options)});
server.on('connect', (request, socket, head) => socket.end('HTTP/1.1 200 Connected\\r\\n\\r\\nconnected v${version} ' + head));
server.on('upgrade', (request, socket, head) => socket.write('HTTP/1.1 101 Switching\\r\\nconnection: upgrade\\r\\nupgrade: echo\\r\\n\\r\\nupgraded v${version} ' + head));
${options.polls ? `onShutdown('polls', { pause: () => { for (const response of polls) response.writeHead(204).end(); } });` : ''}
server.listen(${port}, '127.0.0.1');
`;

async function begin(t, { options, ...more } = {}) {
  const { port, project, primary } = await setUp(t, (port) => ({ 'app.mjs': app({ port, version: 1, options }) }));
  const restarter = primary(more);
  await restarter.warm(1);
  return {
    port,
    project,
    restarter,
    connect: (options) => RawClient.connect(t, port, options),
    save: () => project.save('app.mjs', app({ port, version: 2, options })),
    /** Resolves when the connections have moved. */
    async restart() {
      project.save('app.mjs', app({ port, version: 2, options }));
      await restarter.event('receipt', ({ generation }) => generation === 2);
    },
  };
}

const head = (line, ...headers) =>
  `${line} HTTP/1.1\r\nHost: app\r\n${headers.map((one) => `${one}\r\n`).join('')}\r\n`;

/** On a connection that has moved: what is sent, and what is then to be seen. */
const AFTER_THE_MOVE = {
  HEAD: [head('HEAD /'), /200 OK[^]*\r\n\r\n$/],
  304: [head('GET /304'), /304 Not Modified[^]*\r\n\r\n$/],
  '1xx': [head('GET /early-hints'), /103 Early Hints[^]*200 OK[^]*v2;/],
  trailers: [head('GET /trailers', 'TE: trailers'), /v2[^]*0\r\nx-sum: 1\r\n\r\n$/i],
  'Expect: 100-continue': [
    head('POST /post', 'Expect: 100-continue', 'Content-Length: 1'),
    /100 Continue\r\n\r\n$/,
    'x',
    /200 OK[^]*v2 \d;/,
  ],
  'a chunked upload': [head('POST /post', 'Transfer-Encoding: chunked') + '1\r\nx\r\n', /$/, '0\r\n\r\n', /v2 \d;/],
  'HTTP/1.0 with keep-alive': ['GET /length HTTP/1.0\r\nConnection: keep-alive\r\n\r\n', /keep-alive[^]*v2;/i],
  'HTTP/1.0 without': ['GET / HTTP/1.0\r\n\r\n', /connection: close[^]*v2;/i, 'end'],
  'Connection: close': [head('GET /', 'Connection: close'), /connection: close[^]*v2;/i, 'end'],
  'a bad request': ['NONSENSE\r\n\r\n', /400 Bad Request/, 'end'],
  CONNECT: [head('CONNECT app:443') + 'more', /connected v2 more/, 'end'],
  'an upgrade': [head('GET /', 'Connection: upgrade', 'Upgrade: echo'), /upgraded v2 /],
};

test('a connection that has moved is like any other', async (t) => {
  const { connect, restart } = await begin(t);
  const clients = {};
  for (const name of Object.keys(AFTER_THE_MOVE)) {
    const client = (clients[name] = await connect());
    await client.write(head('GET /'));
    await client.got(/v1;/);
    client.text = '';
  }
  await restart();
  for (const [name, [first, expected, ...rest]] of Object.entries(AFTER_THE_MOVE)) {
    await t.test(name, async () => {
      const client = clients[name];
      await client.write(first);
      await client.got(expected);
      for (const step of rest) {
        if (step === 'end') await client.closed;
        else if (typeof step === 'string') await client.write(step);
        else await client.got(step);
      }
    });
  }
});

/** Begun before the restart, and what is sent and seen after it on the same connection. */
const OVER_THE_RESTART = {
  HEAD: [head('HEAD /'), /200 OK[^]*\r\n\r\n$/],
  304: [head('GET /304'), /304 Not Modified[^]*\r\n\r\n$/],
  '1xx': [head('GET /early-hints'), /103 Early Hints[^]*200 OK[^]*v1;/],
  trailers: [head('GET /trailers', 'TE: trailers'), /x-sum: 1\r\n\r\n$/i],
  'HTTP/1.0 with keep-alive': ['GET /length HTTP/1.0\r\nConnection: keep-alive\r\n\r\n', /keep-alive[^]*v1;/i],
};

test('whatever was answered last on a connection, it moves', async (t) => {
  const { connect, restart } = await begin(t);
  const clients = [];
  for (const [first, expected] of Object.values(OVER_THE_RESTART)) {
    const client = await connect();
    await client.write(first);
    await client.got(expected);
    client.text = '';
    clients.push(client);
  }
  await restart();
  for (const client of clients) {
    await client.write(head('GET /'));
    await client.got(/v2;/);
  }
});

test('an upload that was answered before its end lets its connection move when that has come', async (t) => {
  const { connect, restarter, save } = await begin(t, { quiesceTimeout: '60s' });
  const client = await connect();
  await client.write(head('POST /early-answer', 'Content-Length: 100') + 'x'.repeat(50));
  await client.got(/early v1;/);
  save();
  assert.ok((await restarter.committed(2)).pauseMs < 900, 'it is not waited for');
  await client.write('x'.repeat(50));
  await client.write(head('GET /'));
  await client.got(/v2;/);
  assert.deepEqual((await restarter.event('drained')).report, []);
});

test('a client that awaits 100 Continue in the pause gets it from the new generation', async (t) => {
  const restart = await gatedRestart(t, VARIANTS['with state']);
  const client = await RawClient.connect(t, restart.port);
  await restart.save();
  await restart.toPause();
  await client.write(head('POST /?id=a', 'Expect: 100-continue', 'Content-Length: 1'));
  await restart.commit();
  await client.got(/100 Continue\r\n\r\n$/);
  await client.write('x');
  await client.answered(1);
  assert.deepEqual(client.answers, ['v2 a;']);
});

test('maxRequestsPerSocket holds for each generation', async (t) => {
  const { connect, restart } = await begin(t, { options: { maxRequestsPerSocket: 3 } });
  const client = await connect();
  for (let index = 0; index < 2; index++) {
    await client.write(head('GET /'));
    await client.got(/v1;/);
    client.text = '';
  }
  await restart();
  for (let index = 0; index < 3; index++) {
    client.text = '';
    await client.write(head('GET /'));
    await client.got(/v2;/);
  }
  assert.match(client.text, /connection: close/i);
  await client.closed;
});

for (const [name, variant] of Object.entries(VARIANTS)) {
  test(`${name}: clients that end their side after a request are answered, whenever that is`, async (t) => {
    const restart = await gatedRestart(t, variant);
    const clients = [];
    const ask = async (id) => {
      const client = await RawClient.connect(t, restart.port, { allowHalfOpen: true });
      clients.push({ client, id });
      return { finish: () => client.socket.end(head(`POST /?id=${id}`, 'Content-Length: 1') + 'x'), client };
    };
    (await ask('before')).finish();
    await restart.restarter.printed(/begun before;/);
    const [atLoad, atPause, after, idle] = [
      await ask('load'),
      await ask('pause'),
      await ask('after'),
      await ask('idle'),
    ];
    await idle.client.write(head('GET /?id=first'));
    await idle.client.answered(1);
    await restart.save();
    atLoad.finish();
    await restart.toPause();
    atPause.finish();
    idle.finish();
    await restart.commit();
    after.finish();
    for (const { client, id } of clients) {
      await client.closed;
      assert.match(client.answers.at(-1), new RegExp(`^v[12] ${id};$`));
    }
    await restart.begunOnce([...clients.map(({ id }) => id), 'first']);
  });
}

test('clients that have ended their side, or gone, while idle or in the pause do no harm', async (t) => {
  const restart = await gatedRestart(t, VARIANTS['with state']);
  const open = async () => {
    const client = await RawClient.connect(t, restart.port, { allowHalfOpen: true });
    await client.write(head('GET /?id=x'));
    await client.answered(1);
    return client;
  };
  const clients = await Promise.all(Array.from({ length: 6 }, open));
  const [endsAtLoad, goesAtLoad, endsInPause, goesInPause, endsAfter, goesAfter] = clients;
  const end = (client) => client.socket.end();
  const go = (client) => client.socket.resetAndDestroy();
  await restart.save();
  end(endsAtLoad);
  go(goesAtLoad);
  await restart.toPause();
  end(endsInPause);
  go(goesInPause);
  await restart.commit();
  end(endsAfter);
  go(goesAfter);
  await Promise.all(clients.map(({ closed }) => closed));
  const { ended, report } = await restart.restarter.event('drained');
  assert.deepEqual([ended, report], [true, []]);
  assert.equal((await request(restart.port, { path: '/?id=last' })).body, 'v2 last;');
  assert.deepEqual(restart.restarter.all('crashed'), []);
});

test('after a rollback what was sent in the pause is answered by the old generation, in order', async (t) => {
  const { port, project, primary } = await setUp(t, (port) => ({ 'app.mjs': app({ port, version: 1 }) }));
  const restarter = primary({ quiesceTimeout: '100ms' });
  await restarter.warm(1);
  const [half, behind] = [await RawClient.connect(t, port), await RawClient.connect(t, port)];
  await half.write('POST /post HTTP/1.1\r\nHo');
  await behind.write(head('GET /wait?until=done'));
  await restarter.printed(/waiting/);
  project.save(
    'app.mjs',
    `import fs from 'node:fs'; import { keep } from 'handover'; keep('state', () => {}); console.log('at pause');
while (!fs.existsSync('fail')) await new Promise((resolve) => setTimeout(resolve, 5)); throw new Error('no');`,
  );
  await restarter.printed(/at pause/);
  await half.write('st: app\r\nContent-Length: 1\r\n\r\nx');
  await behind.write(head('POST /post', 'Content-Length: 1') + 'x');
  // Each is in the old generation by the time at which a later one of the kind is held.
  project.write({ fail: '' });
  await restarter.event('rolledBack');
  await half.got(/v1 \d;/);
  project.write({ done: '' });
  await behind.got(/v1;[^]*v1 \d;/);
  for (const client of [half, behind]) {
    client.text = '';
    await client.write(head('GET /'));
    await client.got(/v1;/);
  }
  assert.equal((await request(port, { method: 'POST', path: '/post', body: 'x' })).body, 'v1 3;');
});

test('what is sent when nothing can serve is answered with a 503, in full', async (t) => {
  const { connect, project, restarter } = await begin(t, { overlap: false, holdTimeout: '300ms' });
  const half = await connect();
  await half.write('GET / HTTP/1.1\r\nHo');
  project.save('app.mjs', 'throw new Error("out of luck");');
  // The old generation waits for the rest, and hands it on.
  await restarter.event('captured');
  await half.write('st: app\r\n\r\n');
  // Where the machine is slow the new generation has not failed by then.
  await half.got(/503 Service Unavailable[^]*(?:out of luck|not started)/);
  await half.closed;
});

test('a request that has been pending for longer than quiesceTimeout is not waited for again', async (t) => {
  const { port, project, restarter, save } = await begin(t, { quiesceTimeout: '2s' });
  const slow = request(port, { path: '/wait?until=done' });
  await restarter.printed(/waiting/);
  // That time passes is what it is about.
  await delay(2050);
  save();
  const { phases } = await restarter.committed(2);
  assert.ok(phases.find(({ name }) => name === 'quiesce').ms < 1500, JSON.stringify(phases));
  const warnings = restarter.all('warning').map(({ message }) => message);
  assert.deepEqual(warnings, ['GET /wait?until=done was still being handled when the state was captured']);
  project.write({ done: '' });
  assert.equal((await slow).body, 'v1;');
});

test('a long poll that the app ends in pause() is asked again, by new code, at once', async (t) => {
  const { connect, restarter, save } = await begin(t, {
    options: { polls: true },
    quiesceTimeout: '100ms',
    drainTimeout: '1s',
  });
  const client = await connect();
  await client.write(head('GET /poll'));
  await restarter.printed(/polling/);
  const since = restarter.stdout.length;
  save();
  await client.got(/204 No Content\r\n[^]*\r\n\r\n$/);
  await client.write(head('GET /poll'));
  await restarter.committed(2);
  await restarter.printed(/polling/, { since });
  assert.deepEqual((await restarter.event('drained')).report, []);
});
