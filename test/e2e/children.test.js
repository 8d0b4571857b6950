import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { request } from '../helpers/clients.js';
import { setUp } from '../helpers/fixture.js';
import { exists, gone } from '../helpers/process.js';

/** Starts processes in every way, each of which writes its id to a file, and serves. */
const app = (port, version, extra = '') => `import { exec, execFile, fork, spawn } from 'node:child_process';
import fs from 'node:fs'; import http from 'node:http'; import { Worker } from 'node:worker_threads';
const node = process.execPath;
const tell = (name) => "require('fs').appendFileSync('pids', '${version} " + name + " ' + process.pid + '\\\\n'); setInterval(() => {}, 1000)";
spawn(node, ['-e', tell('spawn')], { stdio: 'ignore' });
exec(JSON.stringify(node) + ' -e ' + JSON.stringify(tell('exec')) + ' & wait');
// The shell ends at once: what it has started has no parent here.
exec(JSON.stringify(node) + ' -e ' + JSON.stringify(tell('background')) + ' > /dev/null 2>&1 &');
fs.writeFileSync('forked.cjs', tell('fork'));
fork('./forked.cjs', { env: {} });
spawn(node, ['-e', "require('child_process').spawn(process.execPath, ['-e', process.argv[1]], { stdio: 'ignore' }); setInterval(() => {}, 1000)", tell('grandchild')], { stdio: 'ignore' });
new Worker("require('child_process').spawn(process.execPath, ['-e', require('worker_threads').workerData], { stdio: 'ignore' }); for (;;);", { eval: true, workerData: tell('thread') });
spawn(node, ['-e', tell('free')], { stdio: 'ignore', detached: true }).unref();
${extra}
http.createServer((request, response) => {
  if (request.url === '/block') { console.log('blocking'); for (;;); }
  if (request.url === '/throw') setImmediate(() => { throw new Error('on purpose'); });
  response.end('v${version}');
}).listen(${port}, '127.0.0.1');
`;

const NAMES = ['spawn', 'exec', 'background', 'fork', 'grandchild', 'thread', 'free'];

/** What a version has started when it ran for the `time`th time, once all of it runs; it is killed when the test ends. */
async function started(t, project, version, time = 1) {
  for (;;) {
    const found = Object.fromEntries(NAMES.map((name) => [name, []]));
    let text = '';
    try {
      text = readFileSync(project.path('pids'), 'utf8');
    } catch {}
    for (const [, name, pid] of text.matchAll(new RegExp(`^${version} (\\S+) (\\d+)$`, 'gm')))
      found[name].push(Number(pid));
    if (NAMES.every((name) => found[name].length >= time)) {
      const pids = Object.fromEntries(NAMES.map((name) => [name, found[name][time - 1]]));
      t.after(() => {
        for (const pid of Object.values(pids)) if (exists(pid)) process.kill(pid, 'SIGKILL');
      });
      const { free, ...bound } = pids;
      return { free, bound: Object.values(bound) };
    }
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

async function begin(t, { extra, ...options } = {}) {
  const setup = await setUp(t, (port) => ({ 'app.mjs': app(port, 1, extra) }));
  const restarter = setup.primary(options);
  const { pid } = await restarter.committed(1);
  return { ...setup, restarter, pid, ...(await started(t, setup.project, 1)) };
}

test('guarantee 11: what the old generation has started ends with it, the whole tree; what it has set free does not', async (t) => {
  const { port, project, restarter, bound, free } = await begin(t);
  project.save('app.mjs', app(port, 2));
  const { ended, report } = await restarter.event('drained');
  assert.deepEqual([ended, report], [true, []]);
  assert.deepEqual(bound.filter(exists), []);
  assert.equal(exists(free), true);
  const next = await started(t, project, 2);
  assert.deepEqual(next.bound.filter(exists), next.bound);
});

for (const [how, end] of Object.entries({
  'a crash': ({ port }) => request(port, { path: '/throw' }).catch(() => {}),
  'a SIGKILL': ({ pid }) => process.kill(pid, 'SIGKILL'),
})) {
  test(`after ${how} of a generation all that it has started ends, and the next one serves`, async (t) => {
    const setup = await begin(t);
    await end(setup);
    await setup.restarter.event('crashed');
    await gone(setup.bound);
    await setup.restarter.committed(2);
    // It runs the same version; its processes write their ids behind those of the first one.
    await started(t, setup.project, 1, 2);
    assert.equal((await request(setup.port)).body, 'v1');
  });
}

test('a start that fails leaves nothing that it has started', async (t) => {
  const { port, project, restarter, bound } = await begin(t);
  const fails = `import { existsSync } from 'node:fs'; while (!existsSync('fail')) await new Promise((resolve) => setTimeout(resolve, 5)); throw new Error('no');`;
  project.save('app.mjs', app(port, 2, fails.replace(/^import.*?;/, 'const { existsSync } = fs;')));
  const next = await started(t, project, 2);
  project.write({ fail: '' });
  await restarter.event('rolledBack');
  await gone(next.bound);
  assert.deepEqual(bound.filter(exists), bound, 'those of the one that serves live on');
});

test('stop() resolves when all that the app has started has ended', async (t) => {
  const { restarter, bound } = await begin(t);
  restarter.send({ type: 'stop', signal: 'SIGINT' });
  await restarter.event('stopped');
  assert.deepEqual(bound.filter(exists), []);
});

test('a second Ctrl+C ends at once what the app has started, too', async (t) => {
  const { project, handover } = await setUp(t, (port) => ({
    'app.mjs': app(port, 1, `process.on('SIGINT', () => console.log('hangs'));`),
  }));
  const command = handover(['app.mjs']);
  await command.printed(/generation 1 in /);
  const { bound } = await started(t, project, 1);
  command.child.kill('SIGINT');
  await command.printed(/hangs/);
  await command.signal('SIGINT');
  await gone(bound);
});

test('a child that ignores SIGTERM is killed after shutdownTimeout, and named', async (t) => {
  const ignores = `process.on('SIGTERM', () => require('fs').writeFileSync('told', '')); require('fs').writeFileSync('stubborn', String(process.pid)); setInterval(() => {}, 1000)`;
  const source = (port, version) =>
    `import { spawn } from 'node:child_process'; import http from 'node:http';
spawn(process.execPath, ['-e', ${JSON.stringify(ignores)}], { stdio: 'ignore' });
http.createServer((request, response) => response.end('v${version}')).listen(${port}, '127.0.0.1');`;
  const { port, project, primary } = await setUp(t, (port) => ({ 'app.mjs': source(port, 1) }));
  const restarter = primary({ shutdownTimeout: '300ms' });
  await restarter.committed(1);
  let pid = 0;
  while (!pid) {
    await new Promise((resolve) => setTimeout(resolve, 10));
    try {
      pid = Number(readFileSync(project.path('stubborn'), 'utf8'));
    } catch {}
  }
  project.save('app.mjs', source(port, 2));
  const { report } = await restarter.event('drained');
  assert.equal(readFileSync(project.path('told'), 'utf8'), '');
  assert.match(report.join(), new RegExp(`child process ${pid} .*did not end and was killed`));
  await gone([pid]);
});

test('nothing that the app has started survives the primary, though that is killed', async (t) => {
  const { restarter, bound } = await begin(t);
  await restarter.signal('SIGKILL');
  await gone(bound);
});

test('nor when the worker was blocked at that time', async (t) => {
  const { port, restarter, pid, bound } = await begin(t);
  request(port, { path: '/block' }).catch(() => {});
  await restarter.printed(/blocking/);
  await restarter.signal('SIGKILL');
  await gone([pid, ...bound]);
});
