import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { request } from '../helpers/clients.js';
import { setUp } from '../helpers/fixture.js';
import { Process } from '../helpers/process.js';
import { ROOT } from '../helpers/project.js';

const page = readFileSync(path.join(ROOT, 'docs/production.md'), 'utf8');

/** The first code block that has this text. */
function block(text) {
  const found = [...page.matchAll(/^```\w+\n(.*?)^```/gms)].find(([, code]) => code.includes(text));
  assert.ok(found, `docs/production.md has ${text}`);
  return found[1];
}

const lacks = (command) => spawnSync(command, ['--version']).status !== 0 && `${command} is not installed`;

const app = `import http from 'node:http';
export const listen = (where) => new Promise((resolve) => {
  http.createServer((request, response) => { console.log('asked'); setTimeout(() => response.end('served'), 50); }).listen(where, () => { console.log('listens'); resolve(); });
});`;

const files = { 'entry.js': block('// entry.js'), 'app.js': app, 'package.json': '{ "type": "module" }' };

test('the entry serves on its port and ends as the page says', async (t) => {
  const { port, node } = await setUp(t, files);
  const running = node(['entry.js'], { env: { NODE_ENV: 'production', PORT: String(port) } });
  await running.printed(/listens/);
  const answered = request(port, { host: 'localhost' });
  await running.printed(/asked/);
  const [{ body }, exit] = await Promise.all([answered, running.signal('SIGTERM')]);
  assert.equal(body, 'served');
  assert.deepEqual(exit, { code: 0, signal: null });
});

test(
  'under socket activation it serves on the socket of systemd',
  { skip: lacks('systemd-socket-activate') },
  async (t) => {
    const { port, project } = await setUp(t, files);
    const args = ['-l', `127.0.0.1:${port}`, '-E', 'NODE_ENV=production', '-E', 'PATH', process.execPath, 'entry.js'];
    const running = new Process('systemd-socket-activate', args, { cwd: project.dir });
    t.after(() => running.stop());
    await running.printed(/Listening on/);
    assert.equal((await request(port)).body, 'served');
    assert.deepEqual(await running.signal('SIGTERM'), { code: 0, signal: null });
  },
);

const unshare = ['--pid', '--fork', '--mount-proc', '--kill-child'];
const cannotUnshare = spawnSync('unshare', [...unshare, 'true']).status !== 0 && 'unshare is not allowed here';

test(
  'as process 1 of a container it hears the signal itself, and ends as the page says',
  { skip: cannotUnshare },
  async (t) => {
    const { port, project } = await setUp(t, files);
    const command = /command: \['node', '(.*)'\]/.exec(block('kind: Deployment'))[1];
    const args = [
      ...unshare,
      process.execPath,
      '-e',
      `
    console.log('process', process.pid);
    import(${JSON.stringify(project.path(command))});
  `,
    ];
    const env = { NODE_ENV: 'production', PORT: String(port) };
    const container = new Process('unshare', args, { cwd: project.dir, env });
    t.after(() => container.stop());
    await container.printed(/process 1\n/);
    await container.printed(/listens/);
    const answered = request(port, { host: 'localhost' });
    await container.printed(/asked/);
    // The signal of the container's runtime comes from outside of its namespace.
    const [pid] = readFileSync(`/proc/${container.pid}/task/${container.pid}/children`, 'utf8').trim().split(' ');
    process.kill(Number(pid), 'SIGTERM');
    assert.equal((await answered).body, 'served');
    assert.deepEqual(await container.exited, { code: 0, signal: null });
  },
);

test('systemd finds nothing wrong with the units', { skip: lacks('systemd-analyze') }, async (t) => {
  const { project } = await setUp(t);
  project.write({
    'app.socket': block('app.socket\n'),
    'app.service': block('app.service\n').replace('/usr/bin/node', process.execPath).replace('/srv/app', project.dir),
  });
  const verified = spawnSync('systemd-analyze', ['verify', '--man=no', './app.socket', './app.service'], {
    cwd: project.dir,
    encoding: 'utf8',
  });
  assert.equal(verified.stdout + verified.stderr, '');
});
