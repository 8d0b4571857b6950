import assert from 'node:assert/strict';
import { fork } from 'node:child_process';
import { once } from 'node:events';
import net from 'node:net';
import { test } from 'node:test';
import { WorkerHandle } from '../../dist/primary/worker-handle.js';
import { exists } from '../helpers/process.js';
import { Project } from '../helpers/project.js';

/** It gives the channel to a process of its own, which keeps it open when this one has ended. */
const CHILD = `const { spawn } = require('node:child_process');
const keeper = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)'], { stdio: ['ignore', 'ignore', 'ignore', 3] });
process.send(keeper.pid);`;

test('a worker that is killed with a handle on its way has ended, though its channel ends after it, and without a word', async (t) => {
  const project = new Project({ 'child.cjs': CHILD });
  const child = fork(project.path('child.cjs'), { stdio: ['ignore', 'inherit', 'inherit', 'ipc', 'pipe', 'pipe'] });
  const server = net.createServer({ pauseOnConnect: true }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const [keeper] = await once(child, 'message');
  t.after(async () => {
    for (const pid of [keeper, child.pid]) if (exists(pid)) process.kill(pid, 'SIGKILL');
    server.close();
    await project.remove();
  });
  const worker = new WorkerHandle(child, { mark: 'none', token: 'none' });
  child.kill('SIGSTOP');
  const accepted = once(server, 'connection');
  const client = net.connect(server.address().port, '127.0.0.1').on('error', () => {});
  t.after(() => client.destroy());
  const [socket] = await accepted;
  worker.sendHandle({ type: 'connection', listener: 1, idle: false }, socket._handle, () =>
    assert.fail('it can not have arrived'),
  );
  const ended = once(worker, 'ended');
  const exited = once(child, 'exit');
  child.kill('SIGKILL');
  await exited;
  assert.equal(worker.exit, undefined);
  process.kill(keeper, 'SIGKILL');
  const [exit] = await ended;
  assert.deepEqual(exit, { code: null, signal: 'SIGKILL' });
});
