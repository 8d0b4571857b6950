import assert from 'node:assert/strict';
import dgram from 'node:dgram';
import { once } from 'node:events';
import { test } from 'node:test';
import { setUp } from '../helpers/fixture.js';
import { freePort } from '../helpers/ports.js';

const RESTARTS = 10;

/** Counts each numbered datagram in kept state, and answers with its number; `report` tells how often each one came. */
const app = ({ port, version, keeps = true, extra = '' }) => `import dgram from 'node:dgram';
import { keep } from 'handover';
const count = ${keeps ? `keep('count', () => new Map())` : 'new Map()'};
const socket = dgram.createSocket('udp4', (message, { port, address }) => {
  const text = String(message);
  if (text === 'report') {
    const ids = [...count];
    socket.send(JSON.stringify({ version: ${version}, different: ids.length, repeated: ids.filter(([, times]) => times > 1).length }), port, address);
    return;
  }
  count.set(text, (count.get(text) ?? 0) + 1);
  socket.send(text + ' v${version}', port, address);
});
socket.bind(${port}, '127.0.0.1', () => console.log('bound ${version}'));
${extra}
`;

/** Sends numbered datagrams without waiting, and notes the answers. */
class Sender {
  sent = 0;
  answers = new Map();
  #stopped = false;
  #port;

  constructor(t, port) {
    this.#port = port;
    this.socket = dgram.createSocket('udp4');
    t.after(() => this.socket.close());
    this.socket.on('message', (message) => {
      const [id, version] = String(message).split(' ');
      if (version) this.answers.set(id, [...(this.answers.get(id) ?? []), version]);
    });
  }

  start() {
    const next = () => {
      if (this.#stopped) return;
      this.socket.send(String(this.sent++), this.#port, '127.0.0.1');
      // The kernel keeps some 200 that nobody reads: on a busy machine a process can stand still for a while.
      setTimeout(next, 4);
    };
    next();
    return this;
  }

  /** Resolves with the app's report, which it makes when it has read all that was sent. */
  async report() {
    this.#stopped = true;
    const ask = () => this.socket.send('report', this.#port, '127.0.0.1');
    ask();
    // Its buffer may be full of what was sent before.
    const timer = setInterval(ask, 200);
    try {
      for (;;) {
        const [message] = await once(this.socket, 'message');
        if (String(message).startsWith('{')) return JSON.parse(String(message));
      }
    } finally {
      clearInterval(timer);
    }
  }
}

for (const [name, { keeps, options }] of Object.entries({
  'with state': { keeps: true },
  'with --fresh': { keeps: true, options: { fresh: true } },
  'without state': { keeps: false },
})) {
  test(`${name}: no datagram is lost or read twice over ${RESTARTS} restarts`, async (t) => {
    const { port, project, primary } = await setUp(t, (port) => ({ 'app.mjs': app({ port, version: 1, keeps }) }));
    const restarter = primary(options);
    await restarter.warm(1);
    const sender = new Sender(t, port).start();
    for (let version = 2; version <= RESTARTS + 1; version++) {
      project.save('app.mjs', app({ port, version, keeps }));
      // While no worker is warm --fresh holds for long.
      await restarter.warm(version);
    }
    const { version, different, repeated } = await sender.report();
    assert.equal(version, RESTARTS + 1);
    assert.equal(sender.answers.size, sender.sent);
    for (const [id, answers] of sender.answers) assert.equal(answers.length, 1, `${id}: ${answers}`);
    if (keeps) assert.deepEqual({ different, repeated }, { different: sender.sent, repeated: 0 });
  });
}

test('a new generation reads no datagram before the commit; after a rollback the old one reads on', async (t) => {
  const { port, project, primary } = await setUp(t, (port) => ({ 'app.mjs': app({ port, version: 1 }) }));
  const restarter = primary();
  await restarter.warm(1);
  const sender = new Sender(t, port).start();
  // It has bound its socket by then.
  project.save(
    'app.mjs',
    app({ port, version: 2, extra: `await new Promise((r) => setTimeout(r, 200)); throw new Error('no');` }),
  );
  await restarter.printed(/bound 2/);
  await restarter.event('rolledBack');
  const { version, different, repeated } = await sender.report();
  assert.deepEqual({ version, different, repeated }, { version: 1, different: sender.sent, repeated: 0 });
  assert.equal(sender.answers.size, sender.sent);
});

test('a generation that waits for nothing but datagrams lives until it is committed, and on', async (t) => {
  const { port, project, primary } = await setUp(t, (port) => ({ 'app.mjs': app({ port, version: 1 }) }));
  const restarter = primary({ waitReady: true });
  const ready = (version) =>
    app({ port, version, extra: `socket.on('listening', () => setTimeout(() => process.send('ready'), 100));` });
  project.save('app.mjs', ready(2));
  await restarter.committed(1);
  project.save('app.mjs', ready(3));
  await restarter.committed(2);
  assert.equal((await new Sender(t, port).report()).version, 3);
});

test('a multicast group is joined by every generation, and left by none before its time', async (t) => {
  const group = '239.255.76.67';
  const source = (port, version) => `import dgram from 'node:dgram';
const socket = dgram.createSocket({ type: 'udp4', reuseAddr: true }, (message, { port, address }) => socket.send('v${version} ' + message, port, address));
await new Promise((resolve) => socket.bind(${port}, resolve));
socket.addMembership('${group}', '127.0.0.1');
console.log('joined ${version}');
process.on('SIGTERM', () => { socket.dropMembership('${group}', '127.0.0.1'); process.exit(); });
setInterval(() => {}, 1000);`;
  const port = await freePort();
  const { project, primary } = await setUp(t, { 'app.mjs': source(port, 1) });
  const restarter = primary();
  await restarter.warm(1);
  await restarter.printed(/joined 1/);
  const client = dgram.createSocket('udp4');
  t.after(() => client.close());
  client.bind(0, '127.0.0.1');
  await once(client, 'listening');
  client.setMulticastInterface('127.0.0.1');
  for (let version = 1; version <= 3; version++) {
    if (version > 1) {
      project.save('app.mjs', source(port, version));
      await restarter.committed(version);
      await restarter.printed(new RegExp(`joined ${version}`));
      await restarter.event('drained', ({ generation }) => generation === version - 1);
    }
    client.send('hello', port, group);
    const [answer] = await once(client, 'message');
    assert.equal(String(answer), `v${version} hello`);
  }
  assert.deepEqual(restarter.all('crashed'), []);
});
