import assert from 'node:assert/strict';
import dgram from 'node:dgram';
import { once } from 'node:events';
import { test } from 'node:test';
import { setUp } from '../helpers/fixture.js';

const echo = ({ version = 1, port }) => `import dgram from 'node:dgram';
const socket = dgram.createSocket('udp4');
socket.on('message', (message, { port, address }) => socket.send(message + ' ${version}', port, address));
socket.bind(${port}, '127.0.0.1', () => console.log('bound ${version}'));
`;

/** Sends numbered datagrams one after the other, each when the last one was answered; what is lost ends the test. */
function questions(t, port) {
  const client = dgram.createSocket('udp4');
  t.after(() => client.close());
  let number = 0;
  return async () => {
    client.send(String(++number), port, '127.0.0.1');
    const [answer] = await once(client, 'message', { signal: AbortSignal.timeout(10_000) });
    const [echoed, version] = String(answer).split(' ');
    assert.equal(Number(echoed), number);
    return Number(version);
  };
}

test('UDP: no datagram is lost over restarts', async (t) => {
  const { port, project, primary } = await setUp(t, (port) => ({ 'app.mjs': echo({ port }) }));
  const restarter = primary();
  await restarter.committed(1);
  await restarter.printed(/bound 1/);
  const ask = questions(t, port);
  for (let version = 1; version <= 5; version++) {
    if (version > 1) project.save('app.mjs', echo({ port, version }));
    while ((await ask()) < version);
    await restarter.committed(version);
  }
});

test('UDP: what is sent after a crash waits for the next generation', async (t) => {
  const { port, primary } = await setUp(t, (port) => ({ 'app.mjs': echo({ port }) }));
  const restarter = primary();
  const { pid } = await restarter.committed(1);
  await restarter.printed(/bound 1/);
  const ask = questions(t, port);
  await ask();
  process.kill(pid, 'SIGKILL');
  await restarter.event('crashed');
  assert.equal(await ask(), 1);
});
