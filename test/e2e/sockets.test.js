import assert from 'node:assert/strict';
import { once } from 'node:events';
import net from 'node:net';
import path from 'node:path';
import { test } from 'node:test';
import { setUp } from '../helpers/fixture.js';

/**
 * A server of lines: it counts and answers each, pushes numbers of its own to those that ask for them, and keeps what it has
 * of a line that is not whole.
 */
const lineApp = ({
  listen,
  version = 1,
  keeps = true,
  options = {},
  encoding = false,
  idle = '',
}) => `import net from 'node:net';
import { keep, keepSockets } from 'handover';
const state = keep('state', () => ({ lines: 0 }));
const server = net.createServer(${JSON.stringify(options)});
${keeps ? 'keepSockets(server, { save: (socket) => socket.data });' : ''}
server.on('connection', (socket, moved) => {
  const data = (socket.data = moved?.data ?? { rest: ${encoding ? `''` : 'Buffer.alloc(0)'}, answered: 0, pushed: 0, pushes: false, began: ${version} });
  ${encoding ? `socket.setEncoding('utf8');` : ''}
  const timer = setInterval(() => data.pushes && socket.write('push ' + ++data.pushed + '\\n'), 3);
  const take = (line) => {
    if (line === 'pushes') data.pushes = true;
    else if (line === 'flood') for (let number = 0; number < 200; number++) socket.write('flood ' + number + 'x'.repeat(100_000) + '\\n');
    else socket.write(++data.answered + ' ' + line + (line === 'about' ? ' version ${version} began ' + data.began + ' all ' + state.lines : '') + '\\n');
    state.lines++;
  };
  socket.on('data', (chunk) => {
    data.rest = ${encoding ? 'data.rest + chunk' : 'Buffer.concat([data.rest, chunk])'};
    for (let end; (end = data.rest.indexOf('\\n')) >= 0; data.rest = data.rest.${encoding ? 'slice' : 'subarray'}(end + 1)) take(String(data.rest.${encoding ? 'slice' : 'subarray'}(0, end)));
  });
  socket.on('error', () => {});
  socket.on('moved', () => clearInterval(timer));
  socket.on('close', () => { clearInterval(timer); console.log('client left'); });
  ${idle}
});
server.listen(${JSON.stringify(listen)});
`;

async function start(t, { app = {}, unix = false, ...options } = {}) {
  const { port, project, primary } = await setUp(t);
  const listen = unix ? { path: path.join(project.dir, 's') } : { port, host: '127.0.0.1' };
  const save = (version, changes) => project.save('app.mjs', lineApp({ listen, version, ...app, ...changes }));
  save(1);
  const restarter = primary(options);
  await restarter.committed(1);
  const connect = async () => {
    const socket = net.connect(listen).setNoDelay();
    t.after(() => socket.destroy());
    await once(socket, 'connect');
    return new Lines(socket);
  };
  return { project, restarter, save, connect };
}

function moved(restarter, generation, count = 1) {
  return restarter.event(
    'receipt',
    (receipt) => receipt.generation === generation && receipt.connectionsMoved === count,
  );
}

/** The lines that a client gets. */
class Lines {
  ended = false;
  #text = '';
  #lines = [];
  #waiting = [];

  constructor(socket) {
    this.socket = socket.setEncoding('utf8');
    socket.on('data', (chunk) => {
      const lines = (this.#text + chunk).split('\n');
      this.#text = lines.pop();
      for (const line of lines) (this.#waiting.shift() ?? ((one) => this.#lines.push(one)))(line);
    });
    socket.on('error', () => {});
    this.closed = once(socket, 'close').then(() => (this.ended = true));
  }

  next() {
    return this.#lines.length > 0 ? this.#lines.shift() : new Promise((resolve) => this.#waiting.push(resolve));
  }

  async ask(line) {
    this.socket.write(`${line}\n`);
    return this.next();
  }
}

for (const [name, setup] of [
  ['TCP', {}],
  ['Unix socket', { unix: true }],
]) {
  test(`guarantee 6: ${name}: connections move under load, nothing is lost, repeated or out of order`, async (t) => {
    const { restarter, save, connect } = await start(t, setup);
    const [clients, restarts] = [20, 10];
    const wrong = [];
    const load = { isStopped: false };
    const run = async (client, index) => {
      let [answered, pushed, sent] = [0, 0, 0];
      client.socket.write('pushes\n');
      client.more = (count) => new Promise((resolve) => (client.waiter = { at: answered + count, resolve }));
      const ahead = 1 + (index % 5);
      while (!load.isStopped || answered < sent) {
        // In pieces that are no lines.
        while (!load.isStopped && sent - answered < ahead) {
          const line = `line ${++sent} ${'é'.repeat(sent % 100)}\n`;
          const cut = sent % line.length;
          client.socket.write(line.slice(0, cut));
          client.socket.write(line.slice(cut));
        }
        const line = await client.next();
        const expected = line.startsWith('push ')
          ? `push ${++pushed}`
          : `${++answered} line ${answered} ${'é'.repeat(answered % 100)}`;
        if (line !== expected) wrong.push(`${line} instead of ${expected}`);
        if (answered >= client.waiter?.at) client.waiter.resolve();
      }
      return { answered, pushed };
    };
    const lines = await Promise.all(Array.from({ length: clients }, connect));
    const done = Promise.all(lines.map(run));
    for (let version = 2; version <= restarts + 1; version++) {
      await Promise.all(lines.map((client) => client.more(10)));
      save(version);
      await moved(restarter, version, clients);
    }
    await Promise.all(lines.map((client) => client.more(10)));
    load.isStopped = true;
    const counts = await done;
    assert.deepEqual(wrong, []);
    assert.doesNotMatch(restarter.stdout, /client left/);
    const answered = counts.reduce((sum, one) => sum + one.answered, 0);
    t.diagnostic(`${answered} answers, ${counts.reduce((sum, one) => sum + one.pushed, 0)} pushes`);
    for (const { pushed } of counts) assert.ok(pushed > 0);
    // State and lines agree: each client has asked for pushes, too.
    const last = await connect();
    assert.equal(
      await last.ask('about'),
      `1 about version ${restarts + 1} began ${restarts + 1} all ${answered + clients}`,
    );
    assert.deepEqual(restarter.all('warning'), []);
  });
}

test('a character of which a part was read, in a socket with an encoding, arrives whole', async (t) => {
  const { restarter, save, connect } = await start(t, { app: { encoding: true } });
  const client = await connect();
  const euro = Buffer.from('€');
  for (const [index, cut] of [1, 2].entries()) {
    // The line before it was answered, so that the part has been read.
    client.socket.write(Buffer.concat([Buffer.from('before\nprice '), euro.subarray(0, cut)]));
    assert.match(await client.next(), /before$/);
    save(index + 2);
    await moved(restarter, index + 2);
    client.socket.write(Buffer.concat([euro.subarray(cut), Buffer.from('\n')]));
    assert.match(await client.next(), /price €$/);
  }
});

test('what a paused socket has read but the app has not taken moves with it', async (t) => {
  const { restarter, save, connect } = await start(t, {
    app: {
      idle: `socket.pause(); if (moved) socket.resume(); else { const look = setInterval(() => socket.readableLength === 11 && (clearInterval(look), console.log('read')), 1); }`,
    },
  });
  const client = await connect();
  client.socket.write('one\ntwo\nthr');
  await restarter.printed(/^read/m);
  save(2);
  await moved(restarter, 2);
  client.socket.write('ee\n');
  assert.deepEqual([await client.next(), await client.next(), await client.next()], ['1 one', '2 two', '3 three']);
  assert.match(
    await client.ask('about'),
    /^4 about version 2 began 1 all 3$/,
    'the next generation has answered them all',
  );
});

test('what was written to a slow reader reaches it, then its connection moves', async (t) => {
  const { restarter, save, connect } = await start(t);
  const client = await connect();
  client.socket.write('flood\n');
  await client.next();
  client.socket.pause();
  save(2);
  await moved(restarter, 2, 0);
  client.socket.resume();
  for (let number = 1; number < 200; number++) {
    const line = await client.next();
    assert.ok(line.startsWith(`flood ${number}x`) && line.length > 100_000, line.slice(0, 20));
  }
  assert.match(await client.ask('about'), /version 2 began 1/);
});

test('an app that never stops writing, and gives its connection up, loses it, and its client misses nothing', async (t) => {
  const endless = ({ port, version }) => `import net from 'node:net';
import { keepSockets } from 'handover';
const server = net.createServer();
keepSockets(server, { save: (socket) => socket.data });
server.on('connection', (socket, moved) => {
  const data = (socket.data = moved?.data ?? { pushed: 0 });
  let hasMoved = false;
  const push = () => socket.write(++data.pushed + ' of ${version} ' + 'x'.repeat(100_000) + '\\n', () => hasMoved || setImmediate(push));
  for (let count = 0; count < 5; count++) push();
  socket.on('moved', () => {
    hasMoved = true;
    socket.write('too late\\n');
    socket.destroy();
  });
});
server.listen(${port}, '127.0.0.1');
`;
  const { port, project, primary } = await setUp(t, (port) => ({ 'app.mjs': endless({ port, version: 1 }) }));
  const restarter = primary();
  await restarter.committed(1);
  const socket = net.connect(port, '127.0.0.1');
  t.after(() => socket.destroy());
  const lines = new Lines(socket);
  const numbers = [];
  for (const version of [1, 2, 3, 4]) {
    if (version > 1) project.save('app.mjs', endless({ port, version }));
    const isOfIt = (line) => line.includes(` of ${version} `);
    for (;;) {
      const line = await lines.next();
      numbers.push(parseInt(line, 10));
      if (isOfIt(line)) break;
    }
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

test('a client that has ended its side is answered by the next generation', async (t) => {
  const { restarter, save, connect } = await start(t, { app: { options: { allowHalfOpen: true } } });
  const client = await connect();
  await client.ask('pushes\nfirst');
  client.socket.write('last');
  client.socket.end();
  save(2, { idle: `socket.on('end', () => socket.end('ended in 2\\n'));` });
  await moved(restarter, 2);
  for (let line; (line = await client.next()) !== 'ended in 2';) assert.match(line, /^push /);
});

test('after a rollback lines go on', async (t) => {
  const { project, restarter, save, connect } = await start(t);
  const client = await connect();
  assert.equal(await client.ask('one'), '1 one');
  project.save('app.mjs', `import { keep } from 'handover'; keep('state', () => {}); throw new Error('broken');`);
  await restarter.event('captured');
  const answer = client.ask('two');
  await restarter.event('rolledBack');
  assert.equal(await answer, '2 two');
  save(2);
  await moved(restarter, 2);
  assert.match(await client.ask('about'), /^3 about version 2 began 1 all 2$/);
});

test('without the call a connection stays with its generation, and is cut after drainTimeout', async (t) => {
  const { restarter, save, connect } = await start(t, { app: { keeps: false }, drainTimeout: '300ms' });
  const client = await connect();
  await client.ask('one');
  save(2);
  await restarter.committed(2);
  await client.closed;
  assert.match((await restarter.event('drained')).report.join(), /a connection of 127\.0\.0\.1 was cut/);
});

test('when the next generation does not keep them, moved connections are closed', async (t) => {
  const { restarter, save, connect } = await start(t);
  const client = await connect();
  await client.ask('one');
  save(2, { keeps: false });
  await restarter.committed(2);
  await client.closed;
});
