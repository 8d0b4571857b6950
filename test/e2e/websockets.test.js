import assert from 'node:assert/strict';
import { once } from 'node:events';
import http from 'node:http';
import { test } from 'node:test';
import { keepWebSockets } from 'handover';
import { WebSocket, WebSocketServer } from 'ws';
import { request } from '../helpers/clients.js';
import { setUp } from '../helpers/fixture.js';
import { echoApp, EchoClient, message } from '../helpers/web-sockets.js';

async function start(t, { app = {}, ...options } = {}) {
  const setup = await setUp(t, (port) => ({ 'app.mjs': echoApp({ port, ...app }) }));
  const restarter = setup.primary(options);
  await restarter.committed(1);
  const save = (version, changes) =>
    setup.project.save('app.mjs', echoApp({ port: setup.port, version, ...app, ...changes }));
  return { ...setup, restarter, save };
}

async function startClients(t, port, count, options) {
  const clients = Array.from(
    { length: count },
    (_, index) => new EchoClient(port, { ahead: 1 + (index % 10), ...options }),
  );
  t.after(() => clients.forEach(({ socket }) => socket.terminate()));
  await Promise.all(clients.map((client) => client.more(10)));
  return clients;
}

/** One client, connected. */
async function connect(t, port, { path = '/', ...options } = {}) {
  const socket = new WebSocket(`ws://127.0.0.1:${port}${path}`, options.protocols ?? [], options);
  t.after(() => socket.terminate());
  await once(socket, 'open');
  return socket;
}

const isNoPush = (text) => !text.startsWith('push ');

/** What the app says of a connection. */
async function about(socket) {
  socket.send('about');
  const text = await message(socket, (answer) => answer.startsWith('about '));
  return JSON.parse(text.slice(6));
}

function moved(restarter, generation, count = 1) {
  return restarter.event(
    'receipt',
    (receipt) => receipt.generation === generation && receipt.connectionsMoved === count,
  );
}

/** Restarts under the load of clients: none may notice. */
async function restartUnder(t, { app, clients: count = 20, restarts = 10, client = {} }) {
  const { port, restarter, save } = await start(t, { app });
  const clients = await startClients(t, port, count, client);
  for (let version = 2; version <= restarts + 1; version++) {
    save(version);
    const { connectionsMoved } = await restarter.event('receipt', ({ generation }) => generation === version);
    assert.equal(connectionsMoved, count, `generation ${version}`);
    await Promise.all(clients.map((one) => one.more(10)));
  }
  assert.doesNotMatch(restarter.stdout, /client left/);
  await Promise.all(clients.map((one) => one.stop()));
  assert.deepEqual(
    clients.flatMap(({ wrong }) => wrong),
    [],
  );
  for (const { pushed } of clients) assert.ok(pushed > 0);
  assert.deepEqual(restarter.all('warning'), []);
  for (const { ended, report } of restarter.all('drained'))
    assert.deepEqual({ ended, report }, { ended: true, report: [] });
  const sum = (name) => clients.reduce((total, one) => total + one[name], 0);
  t.diagnostic(`${count} clients, ${restarts} restarts: ${sum('echoed')} echoes, ${sum('pushed')} pushes`);
  return { port, clients, echoed: sum('echoed') };
}

test('guarantee 6: WebSockets move: no message is lost, repeated or out of order, and kept state agrees with them', async (t) => {
  const { port, echoed } = await restartUnder(t, { app: {} });
  assert.equal((await request(port)).body, String(echoed));
});

test('WebSockets of an app without kept state move', async (t) => {
  await restartUnder(t, { app: { carries: false } });
});

test('saves in quick succession, so that connections are still on their way when the next restart begins', async (t) => {
  for (const carries of [true, false]) {
    const { port, restarter, save } = await start(t, { app: { carries } });
    const clients = await startClients(t, port, 60);
    for (let version = 2; version <= 9; version++) {
      save(version);
      await restarter.event('committed', ({ generation }) => generation === version);
    }
    await Promise.all(clients.map((one) => one.more(20)));
    await Promise.all(clients.map((one) => one.stop()));
    assert.deepEqual(
      clients.flatMap(({ wrong }) => wrong),
      [],
    );
    const echoed = clients.reduce((total, one) => total + one.echoed, 0);
    if (carries) assert.equal((await request(port)).body, String(echoed));
  }
});

test('what a client sends to all reaches all, however many of them have moved when it is sent', async (t) => {
  const app = ({ port, version }) => `import { WebSocketServer } from 'ws';
import { keep, keepWebSockets } from 'handover';
const state = keep('state', () => ({ sent: 0 }));
const wss = new WebSocketServer({ port: ${port}, host: '127.0.0.1' });
keepWebSockets(wss);
wss.on('connection', (socket) => {
  socket.on('message', () => {
    state.sent++;
    for (const client of wss.clients) client.send('${version} ' + state.sent);
  });
});
`;
  const { port, project, primary } = await setUp(t, (port) => ({ 'app.mjs': app({ port, version: 1 }) }));
  const restarter = primary();
  await restarter.committed(1);
  const sockets = await Promise.all(Array.from({ length: 100 }, () => connect(t, port)));
  const seen = sockets.map(() => []);
  for (const [index, socket] of sockets.entries()) socket.on('message', (data) => seen[index].push(String(data)));
  // Five are always on their way.
  const senders = sockets.slice(0, 5);
  for (const [index, socket] of senders.entries()) {
    socket.sends = true;
    socket.on('message', (data) => {
      if (socket.sends && Number(String(data).split(' ')[1]) % 5 === index) socket.send('next');
    });
    socket.send('first');
  }
  for (let version = 2; version <= 6; version++) {
    await message(sockets[99], (text) => text.startsWith(`${version - 1} `));
    project.save('app.mjs', app({ port, version }));
    await moved(restarter, version, 100);
  }
  for (const socket of senders) socket.sends = false;
  // A pong comes behind all that was sent before it.
  const last = Promise.all(sockets.map((socket) => once(socket, 'pong')));
  for (const socket of senders) socket.send('last');
  await message(sockets[0], (text) => text.startsWith('6 '));
  for (const socket of sockets) socket.ping();
  await last;
  const numbers = seen.map((texts) => texts.map((text) => Number(text.split(' ')[1])));
  for (const [index, own] of numbers.entries()) {
    assert.deepEqual(
      own,
      Array.from({ length: own.length }, (_, at) => at + 1),
      `client ${index}`,
    );
    assert.ok(own.length > 100);
  }
});

test('in the old process a moved socket is told so; it looks closed, and what is sent on it is dropped', async (t) => {
  const extra = `wss.on('connection', (socket) => socket.on('moved', () => {
    socket.send('late', (error) => console.log('error: ' + error.message));
    socket.ping();
    socket.close();
    socket.terminate();
    console.log('state ' + socket.readyState + ', clients ' + wss.clients.size);
    wss.close(() => console.log('server closed'));
  }));`;
  const { port, restarter, save } = await start(t, { app: { extra } });
  const socket = await connect(t, port);
  const texts = [];
  socket.on('message', (data) => texts.push(String(data)));
  await about(socket);
  save(2);
  await moved(restarter, 2);
  await restarter.printed(/state 3, clients 0/);
  await restarter.printed(/error: WebSocket is not open/);
  await restarter.printed(/server closed/);
  assert.equal((await about(socket)).version, 2);
  assert.ok(!texts.includes('late'));
  assert.doesNotMatch(restarter.stdout, /client left/);
});

test('binary messages, some of them larger than a chunk', async (t) => {
  const make = (number) => Buffer.alloc(number % 7 === 0 ? 200_000 : 10 + (number % 300), number);
  await restartUnder(t, { app: {}, client: { make }, clients: 5, restarts: 5 });
});

/** Numbered text in which much of the last message comes again, so that each refers to those before. */
const repetitive = (number) =>
  `echo ${number} ${Array.from({ length: 40 }, (_, index) => (number + index) * 7919).join(' ')}`;

const DEFLATE = [
  ['context takeover on both sides', { threshold: 0 }, { threshold: 0 }],
  ['no client context takeover', { threshold: 0, clientNoContextTakeover: true }, { threshold: 0 }],
  ['no server context takeover', { threshold: 0, serverNoContextTakeover: true }, { threshold: 0 }],
  [
    'no context takeover at all',
    { threshold: 0, serverNoContextTakeover: true, clientNoContextTakeover: true },
    { threshold: 0 },
  ],
  [
    'small windows',
    { threshold: 0, serverMaxWindowBits: 9, clientMaxWindowBits: 10 },
    { threshold: 0, clientMaxWindowBits: 10 },
  ],
];
for (const [name, server, client] of DEFLATE) {
  test(`compressed messages: ${name}`, async (t) => {
    const { port, clients, echoed } = await restartUnder(t, {
      app: { options: { perMessageDeflate: server } },
      client: { perMessageDeflate: client, make: repetitive },
      clients: 10,
      restarts: 4,
    });
    for (const { socket } of clients) assert.equal(socket.extensions, 'permessage-deflate');
    assert.equal((await request(port)).body, String(echoed));
  });
}

test('an app that always has something on its way to its clients loses them, and they miss nothing', async (t) => {
  const endless = ({ port, version }) => `import { WebSocketServer } from 'ws';
import { keepWebSockets } from 'handover';
const wss = new WebSocketServer({ port: ${port}, host: '127.0.0.1', perMessageDeflate: { threshold: 0 } });
keepWebSockets(wss, { save: (socket) => socket.data });
wss.on('connection', (socket, request, moved) => {
  socket.data = moved?.data ?? { pushed: 0 };
  const push = () => socket.send(++socket.data.pushed + ' of ${version} ' + 'x'.repeat(20_000), (error) => !error && push());
  push();
  push();
});
`;
  const { port, project, primary } = await setUp(t, (port) => ({ 'app.mjs': endless({ port, version: 1 }) }));
  const restarter = primary();
  await restarter.committed(1);
  const socket = new WebSocket(`ws://127.0.0.1:${port}`);
  t.after(() => socket.terminate());
  const numbers = [];
  socket.on('message', (text) => numbers.push(parseInt(String(text), 10)));
  for (const version of [2, 3, 4]) {
    await message(socket, (text) => text.includes(` of ${version - 1} `));
    project.save('app.mjs', endless({ port, version }));
    await message(socket, (text) => text.includes(` of ${version} `));
  }
  assert.deepEqual(
    numbers,
    numbers.map((_, index) => index + 1),
  );
  assert.deepEqual(
    restarter.all('drained').flatMap(({ report }) => report),
    [],
  );
});

test('a moved connection knows its request, its subprotocol and its data; its server counts it', async (t) => {
  const { port, restarter, save } = await start(t);
  const socket = await connect(t, port, { path: '/chat?room=1', protocols: ['v2', 'v1'], headers: { 'x-test': 'me' } });
  const first = await about(socket);
  assert.deepEqual({ ...first, pushed: 0 }, { ...first, pushed: 0, version: 1, moved: false, began: 1, clients: 1 });
  for (const version of [2, 3]) {
    save(version);
    await moved(restarter, version);
    const { pushed, ...then } = await about(socket);
    assert.deepEqual(then, {
      version,
      moved: true,
      url: '/chat?room=1',
      began: 1,
      requestUrl: '/chat?room=1',
      agent: 'me',
      protocol: 'v2',
      clients: 1,
    });
    assert.ok(pushed >= first.pushed);
  }
  socket.close(4001);
  await restarter.printed(/client left/);
});

/** A frame as a client sends it. */
function frame(text, { opcode = 1, fin = true } = {}) {
  const mask = Buffer.from([1, 2, 3, 4]);
  const payload = Buffer.from(text).map((byte, index) => byte ^ mask[index % 4]);
  const length = Buffer.alloc(8);
  length.writeBigUInt64BE(BigInt(payload.length));
  const head =
    payload.length < 126
      ? [payload.length]
      : payload.length < 2 ** 16
        ? [126, ...length.subarray(6)]
        : [127, ...length];
  head[0] |= 0x80;
  return Buffer.concat([Buffer.from([(fin ? 0x80 : 0) | opcode, ...head]), mask, payload]);
}

test('a frame of which any part has come before the save, and the rest after the commit', async (t) => {
  const { port, restarter, save } = await start(t);
  const socket = await connect(t, port);
  const text = 'x'.repeat(70_000);
  const bytes = frame(text);
  // In the first byte, the length, the mask, the payload, and between two frames.
  const cuts = [1, 2, 6, 10, 12, 14, 15, 40_000, bytes.length - 1];
  for (const [index, cut] of cuts.entries()) {
    // So that the part has been read for sure.
    socket._socket.write(Buffer.concat([frame('before'), bytes.subarray(0, cut)]));
    assert.equal(await message(socket, isNoPush), 'before');
    save(index + 2);
    await moved(restarter, index + 2);
    socket._socket.write(bytes.subarray(cut));
    assert.equal(await message(socket, isNoPush), text, `cut at ${cut}`);
  }
});

for (const perMessageDeflate of [false, { threshold: 0 }]) {
  test(`a ${perMessageDeflate ? 'compressed' : 'large'} message in fragments, some before the save, with a ping between them`, async (t) => {
    const { port, restarter, save } = await start(t, { app: { options: { perMessageDeflate } } });
    const socket = await connect(t, port, { perMessageDeflate });
    // Compressed parts refer to what came before them, and end in the midst of a block.
    const part = (number) => `${number} ${repetitive(number)} `.repeat(perMessageDeflate ? 20 : 2000);
    socket.send(part(0));
    assert.equal(await message(socket, isNoPush), part(0));
    for (const version of [2, 4]) {
      let whole = '';
      for (let number = 0; number < 6; number++) {
        const isLast = number === 5;
        whole += part(version + number);
        const echo = isLast && message(socket, isNoPush);
        await new Promise((resolve) => socket.send(part(version + number), { fin: isLast }, resolve));
        if (isLast) assert.equal(await echo, whole);
        else {
          const pong = once(socket, 'pong');
          socket.ping();
          await pong;
        }
        if (number === 1 || number === 3) {
          const next = version + (number === 1 ? 0 : 1);
          save(next);
          await moved(restarter, next);
        }
      }
    }
    assert.equal((await about(socket)).version, 5);
  });
}

test('what was sent to a slow reader reaches it, then its connection moves', async (t) => {
  const flood = `wss.on('connection', (socket) => socket.on('message', (message) => {
  if (String(message) === 'flood') for (let number = 0; number < 200; number++) socket.send('flood ' + number + ' ' + 'x'.repeat(100_000));
}));`;
  const { port, restarter, save } = await start(t, { app: { extra: flood } });
  const socket = await connect(t, port);
  socket.send('flood');
  await message(socket, (text) => text.startsWith('flood 0 '));
  socket._socket.pause();
  save(2);
  await restarter.committed(2);
  assert.equal((await request(port)).status, 200);
  await moved(restarter, 2, 0);
  const numbers = [];
  socket.on('message', (data) => {
    const [, number] = /^flood (\d+) /.exec(String(data)) ?? [];
    if (number) numbers.push(Number(number));
  });
  socket._socket.resume();
  assert.equal((await about(socket)).version, 2);
  assert.deepEqual(
    numbers,
    Array.from({ length: 199 }, (_, index) => index + 1),
  );
});

test('after a rollback messages go on, those that came meanwhile included', async (t) => {
  const { port, project, restarter, save } = await start(t);
  const clients = await startClients(t, port, 5);
  for (let attempt = 0; attempt < 3; attempt++) {
    const since = restarter.events.length;
    const frozen = restarter.event('captured', () => true, since);
    project.save(
      'app.mjs',
      `import { keep } from 'handover'; keep('state', () => {}); await 0; throw new Error('broken ${attempt}');`,
    );
    await frozen;
    await restarter.event('rolledBack', () => true, since);
    await Promise.all(clients.map((one) => one.more(20)));
  }
  save(2);
  await moved(restarter, 2, 5);
  await Promise.all(clients.map((one) => one.more(20)));
  await Promise.all(clients.map((one) => one.stop()));
  assert.deepEqual(
    clients.flatMap(({ wrong }) => wrong),
    [],
  );
});

const asyncEcho = `import { existsSync } from 'node:fs';
wss.on('connection', (socket) => socket.on('message', async (message) => {
  if (!String(message).startsWith('wait ')) return;
  console.log('waiting');
  while (!existsSync(String(message).slice(5))) await new Promise((resolve) => setTimeout(resolve, 5));
  socket.send('answered by 1');
}));`;

for (const carries of [true, false]) {
  test(`a message whose handler returns a promise is answered first, then its connection moves (${carries ? 'with' : 'without'} state)`, async (t) => {
    const { port, project, restarter, save } = await start(t, {
      app: { carries, extra: asyncEcho },
      quiesceTimeout: '10s',
    });
    const socket = await connect(t, port);
    const echoed = message(socket, isNoPush);
    socket.send('wait done');
    await Promise.all([echoed, restarter.printed(/waiting/)]);
    const answered = message(socket, isNoPush);
    save(2);
    if (carries) {
      await restarter.event('prepared', ({ generation }) => generation === 2);
    } else {
      await moved(restarter, 2, 0);
      // It is for the next generation.
      socket.send('about');
    }
    project.write({ done: '' });
    assert.equal(await answered, 'answered by 1');
    if (carries) {
      await restarter.committed(2);
      socket.send('about');
    }
    assert.equal(JSON.parse((await message(socket, isNoPush)).slice(6)).version, 2);
    assert.deepEqual(restarter.all('warning'), []);
  });
}

test('a handler that never ends keeps its connection for quiesceTimeout, and is named', async (t) => {
  const { port, restarter, save } = await start(t, { app: { extra: asyncEcho }, quiesceTimeout: '100ms' });
  const socket = await connect(t, port);
  socket.send('wait never');
  await restarter.printed(/waiting/);
  save(2);
  await moved(restarter, 2);
  assert.match((await restarter.event('warning')).message, /^a message of 127\.0\.0\.1 was still being handled/);
  assert.equal((await about(socket)).version, 2);
});

test('without the call a WebSocket is closed with 1012 right after the commit, behind what was sent before', async (t) => {
  const { port, restarter, save } = await start(t, { app: { keeps: false }, quiesceTimeout: '60s' });
  const clients = await startClients(t, port, 10);
  const deflated = new EchoClient(port, { perMessageDeflate: { threshold: 0 } });
  await deflated.more(10);
  save(2);
  const { pauseMs } = await restarter.committed(2);
  assert.ok(pauseMs < 900, 'it was not waited for');
  for (const client of [...clients, deflated]) {
    assert.equal(await client.closed, 1012);
    assert.deepEqual(client.wrong, ['closed with 1012']);
  }
  // Each has left the old generation, whose app is told so.
  assert.equal((await restarter.event('drained')).ended, true);
  assert.equal(restarter.stdout.match(/client left/g).length, 11);
});

test('when the next generation does not keep them, moved WebSockets are closed with 1012', async (t) => {
  const { port, restarter, save } = await start(t);
  const [client] = await startClients(t, port, 1);
  save(2, { keeps: false });
  assert.equal(await client.closed, 1012);
  assert.deepEqual(client.wrong, ['closed with 1012']);
  save(3);
  await restarter.committed(3);
  assert.ok(await about(await connect(t, port)));
});

test('a client that leaves while nothing serves is told of in the next generation', async (t) => {
  const { port, project, restarter } = await start(t, { app: { pushes: false } });
  const socket = await connect(t, port);
  await about(socket);
  const slow = echoApp({ port, version: 2, pushes: false }).replace(
    'const server = ',
    `import { existsSync } from 'node:fs';
while (!existsSync('go')) await new Promise((resolve) => setTimeout(resolve, 5));
const server = `,
  );
  project.save('app.mjs', slow);
  await restarter.event('captured');
  socket.terminate();
  await once(socket, 'close');
  assert.doesNotMatch(restarter.stdout, /client left/);
  project.write({ go: '' });
  await moved(restarter, 2);
  await restarter.printed(/client left/);
});

test('noServer mode, with several servers by name', async (t) => {
  const app = ({ port, version }) => `import http from 'node:http';
import { WebSocketServer } from 'ws';
import { keepWebSockets } from 'handover';
const server = http.createServer();
// In another order each time, so that only names tell them apart.
const names = ['/a', '/b', '/c'].sort(() => ${version % 2 === 0 ? 1 : -1});
const servers = new Map(names.map((name) => {
  const wss = new WebSocketServer({ noServer: true, clientTracking: name !== '/c' });
  keepWebSockets(wss, { name, save: (socket) => socket.data });
  wss.on('connection', (socket, request, moved) => {
    socket.data = moved?.data ?? { user: new Map([['since', new Date(0)]]) };
    socket.on('message', (message) => socket.send(JSON.stringify([name, ${version}, request.url, socket.data.user.get('since'), socket.data.user instanceof Map, String(message)])));
  });
  return [name, wss];
}));
server.on('upgrade', (request, socket, head) => {
  const wss = servers.get(new URL(request.url, 'http://app').pathname);
  wss.handleUpgrade(request, socket, head, (webSocket) => wss.emit('connection', webSocket, request));
});
server.listen(${port}, '127.0.0.1');
`;
  const { port, project, primary } = await setUp(t, (port) => ({ 'app.mjs': app({ port, version: 1 }) }));
  const restarter = primary();
  await restarter.committed(1);
  const paths = ['/a?1', '/b?2', '/c?3', '/a?4'];
  const sockets = await Promise.all(paths.map((path) => connect(t, port, { path })));
  for (let version = 1; version <= 4; version++) {
    if (version > 1) {
      project.save('app.mjs', app({ port, version }));
      await moved(restarter, version, 4);
    }
    for (const [index, path] of paths.entries()) {
      const answer = message(sockets[index]);
      sockets[index].send('hello');
      assert.deepEqual(JSON.parse(await answer), [
        path.slice(0, 2),
        version,
        path,
        new Date(0).toJSON(),
        true,
        'hello',
      ]);
    }
  }
});

test('data that can not be carried is named, and the connection moves', async (t) => {
  const extra = `wss.on('connection', (socket, request, moved) => { if (moved) console.log('began ' + moved.data.began + ' ' + moved.data.callback); socket.data.callback = () => {}; });`;
  const { port, restarter, save } = await start(t, { app: { extra } });
  const sockets = [await connect(t, port), await connect(t, port)];
  await Promise.all(sockets.map(about));
  save(2);
  await moved(restarter, 2, 2);
  await restarter.printed(/began 1 undefined/);
  assert.deepEqual(
    restarter.all('warning').map(({ message: text }) => text),
    ['not carried over: keepWebSockets(): save().callback: function'],
    'once for all connections',
  );
});

for (const perMessageDeflate of [false, { threshold: 0 }]) {
  test(`what the app sends while it is asked for its data arrives${perMessageDeflate ? ', compressed' : ''}`, async (t) => {
    const app = { options: { perMessageDeflate }, pushes: false };
    const source = (port, version) =>
      echoApp({ port, version, ...app }).replace(
        '(socket) => socket.data',
        `(socket) => { console.log('asked'); socket.send('bye ' + 'x'.repeat(100_000)); return socket.data; }`,
      );
    const { port, project, primary } = await setUp(t, (port) => ({ 'app.mjs': source(port, 1) }));
    const restarter = primary();
    await restarter.committed(1);
    const socket = await connect(t, port, { perMessageDeflate });
    let byes = 0;
    socket.on('message', (data) => (byes += String(data).startsWith('bye ') ? 1 : 0));
    for (let version = 2; version <= 4; version++) {
      project.save('app.mjs', source(port, version));
      await restarter.committed(version);
      assert.equal((await about(socket)).began, 1);
    }
    assert.equal(byes, restarter.stdout.match(/asked/g).length);
  });
}

test('the WebSocket of Node.js itself moves', { skip: !globalThis.WebSocket && 'this Node.js has none' }, async (t) => {
  const { port, restarter, save } = await start(t, { app: { options: { perMessageDeflate: { threshold: 0 } } } });
  const socket = new globalThis.WebSocket(`ws://127.0.0.1:${port}/`);
  t.after(() => socket.close());
  let [sent, echoed, pushed] = [0, 0, 0];
  const wrong = [];
  let waiter;
  socket.addEventListener('close', ({ code }) => wrong.push(`closed with ${code}`));
  socket.addEventListener('open', () => socket.send(repetitive(++sent)));
  socket.addEventListener('message', ({ data }) => {
    if (data.startsWith('push ')) {
      if (data !== `push ${++pushed}`) wrong.push(data);
      return;
    }
    if (data !== repetitive(++echoed)) wrong.push(data);
    socket.send(repetitive(++sent));
    if (echoed >= waiter?.at) waiter.resolve();
  });
  const more = (count) => new Promise((resolve) => (waiter = { at: echoed + count, resolve }));
  await more(10);
  for (let version = 2; version <= 6; version++) {
    save(version);
    await moved(restarter, version);
    await more(10);
  }
  assert.deepEqual(wrong, []);
});

test('whatever speaks WebSocket gets 1012 at a boundary of frames: an app by hand, a proxy; other upgrades end', async (t) => {
  const app = ({ port, backend, version }) => `import http from 'node:http';
import net from 'node:net';
import { createHash } from 'node:crypto';
const server = http.createServer();
server.on('upgrade', (request, socket) => {
  socket.on('error', () => {});
  if (request.headers.upgrade === 'other') {
    socket.write('HTTP/1.1 101 Switching Protocols\\r\\nUpgrade: other\\r\\nConnection: Upgrade\\r\\n\\r\\nother ${version}');
  } else if (request.url === '/proxy') {
    const to = net.connect(${backend}, '127.0.0.1');
    to.write('GET / HTTP/1.1\\r\\n' + request.rawHeaders.map((text, index) => text + (index % 2 ? '\\r\\n' : ': ')).join('') + '\\r\\n');
    // In pieces of three bytes, each in a turn of its own.
    (async () => { for await (const chunk of to) for (let at = 0; at < chunk.length; at += 3) { socket.write(chunk.subarray(at, at + 3)); await new Promise(setImmediate); } socket.end(); })();
    socket.pipe(to);
  } else {
    const accept = createHash('sha1').update(request.headers['sec-websocket-key'] + '258EAFA5-E914-47DA-95CA-C5AB0DC85B11').digest('base64');
    socket.write('HTTP/1.1 101 Switching Protocols\\r\\nUpgrade: websocket\\r\\nConnection: Upgrade\\r\\nSec-WebSocket-Accept: ' + accept + '\\r\\n\\r\\n');
    setInterval(() => socket.write(Buffer.from([0x81, 4, ...Buffer.from('hand')])), 1);
  }
});
server.listen(${port}, '127.0.0.1');
`;
  const backend = new WebSocketServer({ port: 0, host: '127.0.0.1' });
  await once(backend, 'listening');
  t.after(() => backend.close());
  backend.on('connection', (socket) => {
    const timer = setInterval(() => socket.send('proxied '.repeat(1000)), 2);
    socket.on('close', () => clearInterval(timer));
  });
  const options = { backend: backend.address().port };
  const { port, project, primary } = await setUp(t, (port) => ({ 'app.mjs': app({ port, version: 1, ...options }) }));
  const restarter = primary();
  await restarter.committed(1);
  const sockets = await Promise.all(['/', '/proxy', '/', '/proxy'].map((path) => connect(t, port, { path })));
  const texts = sockets.map((socket) => {
    const seen = new Set();
    socket.on('message', (data) => seen.add(String(data)));
    return seen;
  });
  const other = http.get({ port, host: '127.0.0.1', headers: { upgrade: 'other', connection: 'Upgrade' } });
  const [, otherSocket, head] = await once(other, 'upgrade');
  assert.equal(String(head.length > 0 ? head : (await once(otherSocket, 'data'))[0]), 'other 1');
  await Promise.all(sockets.map((socket) => message(socket)));
  const codes = Promise.all(sockets.map(async (socket) => (await once(socket, 'close')).map(String)));
  const otherEnded = once(otherSocket.resume(), 'end');
  project.save('app.mjs', app({ port, version: 2, ...options }));
  assert.deepEqual(
    await codes,
    Array.from({ length: 4 }, () => ['1012', 'service restart']),
  );
  assert.deepEqual(
    texts.map((seen) => [...seen]),
    [['hand'], ['proxied '.repeat(1000)], ['hand'], ['proxied '.repeat(1000)]],
  );
  await otherEnded;
  otherSocket.end();
  assert.equal((await restarter.event('drained')).ended, true);
});

test('without handover, when runWorker() is told to end, WebSockets are closed with 1001', async (t) => {
  const { port, project, node } = await setUp(t, (port) => ({
    'app.mjs': echoApp({ port, extra: `server.on('listening', () => console.log('listening'));` }),
    'entry.mjs': `import { runWorker } from 'handover'; await runWorker({ load: () => import('./app.mjs'), start() {} });`,
  }));
  const app = node([project.path('entry.mjs')]);
  await app.printed(/listening/);
  const client = new EchoClient(port);
  await client.more(5);
  const ended = app.signal('SIGTERM');
  assert.equal(await client.closed, 1001);
  assert.deepEqual(await ended, { code: 0, signal: null });
});

test('without handover the call does nothing', async (t) => {
  const { port, project, node } = await setUp(t, (port) => ({
    'app.mjs': echoApp({ port, extra: `server.on('listening', () => console.log('listening'));` }),
  }));
  const app = node([project.path('app.mjs')]);
  await app.printed(/listening/);
  const client = new EchoClient(port);
  await client.more(50);
  await client.stop();
  assert.deepEqual(client.wrong, []);
  await app.printed(/client left/);
});

test('a wrong argument is told at the call', async () => {
  const wss = new WebSocketServer({ noServer: true });
  for (const [server, options, pattern] of [
    [{}, {}, /expected a WebSocketServer/],
    [undefined, {}, /expected a WebSocketServer/],
    [wss, { name: '' }, /expected name/],
    [wss, { save: 'data' }, /expected save/],
  ]) {
    assert.throws(() => keepWebSockets(server, options), { code: 'INVALID_OPTION', message: pattern });
  }
});

test('two servers of one name, and a version of ws that it does not work with, fail the start', async (t) => {
  const twice = (name) => `keepWebSockets(new WebSocketServer({ noServer: true }), { name: '${name}' });`.repeat(2);
  const { project, port, restarter } = await start(t);
  const code = async (extra) => {
    const since = restarter.events.length;
    project.save('app.mjs', echoApp({ port, extra }));
    return (await restarter.event('rolledBack', () => true, since)).error.code;
  };
  assert.equal(await code(twice('chat')), 'INVALID_OPTION');
  assert.equal(await code(`keepWebSockets({ handleUpgrade() {}, on() {} });`), 'WS_UNSUPPORTED');
});
