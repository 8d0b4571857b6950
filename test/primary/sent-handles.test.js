import assert from 'node:assert/strict';
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import net from 'node:net';
import { test } from 'node:test';
import { SentHandles } from '../../dist/primary/sent-handles.js';
import { Project } from '../helpers/project.js';

/** A child whose event loop stands still when it is told to. */
const CHILD = `process.on('message', (message, handle) => {
  if (message === 'block') { process.stdout.write('blocked'); for (;;); }
  handle?.close?.();
  process.send(message);
});`;

/** Connections as a primary has them: handles, from which nothing was read. */
async function setUp(t) {
  const project = new Project({});
  writeFileSync(project.path('child.cjs'), CHILD);
  const child = fork(project.path('child.cjs'), { stdio: ['ignore', 'pipe', 'inherit', 'ipc'] });
  const server = net.createServer({ pauseOnConnect: true }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const clients = [];
  t.after(async () => {
    child.kill('SIGKILL');
    for (const client of clients) client.destroy();
    server.close();
    await project.remove();
  });
  const accept = async () => {
    const accepted = once(server, 'connection');
    clients.push(net.connect(server.address().port, '127.0.0.1').on('error', () => {}));
    const [socket] = await accepted;
    return socket._handle;
  };
  return { child, server, accept, sent: new SentHandles(child) };
}

test('each handle is answered in its order, those that somebody else has sent in between aside', async (t) => {
  const { child, server, accept, sent } = await setUp(t);
  const answers = [];
  const last = new Promise((resolve) => {
    void (async () => {
      sent.send('first', await accept(), (hasArrived) => answers.push(['first', hasArrived]));
      child.send('foreign', server);
      sent.send('second', await accept(), (hasArrived) => resolve(answers.push(['second', hasArrived])));
    })();
  });
  const received = [];
  child.on('message', (message) => {
    received.push(message);
    // The answer to a handle comes before what its receiver says to it.
    if (message !== 'foreign') assert.equal(answers.at(-1)?.[0], message);
  });
  await last;
  if (received.length < 3) await once(child, 'message');
  assert.deepEqual(received, ['first', 'foreign', 'second']);
  assert.deepEqual(answers, [
    ['first', true],
    ['second', true],
  ]);
});

test('what lies in the channel of a child that is killed was never answered', async (t) => {
  const { child, accept, sent } = await setUp(t);
  let answers = 0;
  child.send('block');
  await once(child.stdout, 'data');
  sent.send('lost', await accept(), () => answers++);
  child.kill('SIGKILL');
  await once(child, 'close');
  assert.equal(answers, 0);
});
