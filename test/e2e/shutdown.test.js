import assert from 'node:assert/strict';
import http from 'node:http';
import { test } from 'node:test';
import { request } from '../helpers/clients.js';
import { setUp } from '../helpers/fixture.js';
import { exists, gone } from '../helpers/process.js';

const APP = (port, extra = '') => `import http from 'node:http'; import { onShutdown } from 'handover';
const server = http.createServer((request, response) => {
  if (request.url === '/slow') { process.once('SIGUSR2', () => response.end('slow')); console.log('slow'); }
  else response.end('pid ' + process.pid);
}).listen(${port}, '127.0.0.1');
${extra}
`;

test('Ctrl+C is graceful: requests in flight are answered, components stopped then joined, exit code 0', async (t) => {
  const { port, handover } = await setUp(t, (port) => ({
    'app.mjs': APP(
      port,
      `onShutdown('loop', { stop: () => console.log('stop loop'), join: async () => console.log('join loop') });
onShutdown('database', { stop: () => console.log('stop database') });`,
    ),
  }));
  const app = handover(['app.mjs']);
  await app.printed(/generation 1 in /);
  const slow = request(port, { path: '/slow' });
  await app.printed(/slow/);
  app.child.kill('SIGINT');
  // Nothing is accepted any more, but what was begun goes on.
  for (;;) if ((await request(port).catch((error) => error.code)) === 'ECONNREFUSED') break;
  process.kill(app.pid, 'SIGUSR2');
  assert.equal((await slow).body, 'slow');
  assert.deepEqual(await app.exited, { code: 0, signal: null });
  assert.equal(app.stdout, 'slow\nstop database\nstop loop\njoin loop\n');
});

test('a second Ctrl+C ends everything at once', async (t) => {
  const { port, handover } = await setUp(t, (port) => ({
    'app.mjs': APP(
      port,
      `onShutdown('hangs', { stop: () => { console.log('stopping'); return new Promise(() => {}); } });`,
    ),
  }));
  const app = handover(['app.mjs']);
  await app.printed(/generation 1 in /);
  const pid = Number((await request(port)).body.slice(4));
  app.child.kill('SIGINT');
  await app.printed(/stopping/);
  app.child.kill('SIGINT');
  assert.deepEqual(await app.exited, { code: null, signal: 'SIGINT' });
  await gone([pid]);
});

test('a component that never ends is cut off by shutdownTimeout and named', async (t) => {
  const { handover } = await setUp(t, (port) => ({
    'app.mjs': APP(port, `onShutdown('queue', { join: () => new Promise(() => {}) });`),
  }));
  const app = handover(['--shutdown-timeout', '200ms', 'app.mjs']);
  await app.printed(/generation 1 in /);
  await app.signal('SIGTERM');
  assert.match(app.stderr, /queue did not stop in time/);
});

test('an app that ignores SIGTERM is killed after the timeouts', async (t) => {
  const { port, handover } = await setUp(t, (port) => ({
    'app.mjs': APP(port, `process.on('SIGTERM', () => console.log('ignored'));`),
  }));
  const app = handover([
    '--shutdown-timeout',
    '100ms',
    '--drain-timeout',
    '100ms',
    '--kill-timeout',
    '100ms',
    'app.mjs',
  ]);
  await app.printed(/generation 1 in /);
  const pid = Number((await request(port)).body.slice(4));
  await app.signal('SIGTERM');
  await app.exited;
  assert.match(app.stdout, /ignored/);
  assert.equal(exists(pid), false);
});

test('the old generation runs its components, and its own SIGTERM handler, when it has been replaced', async (t) => {
  const extra = `onShutdown('loop', { stop: () => console.log('loop of', process.pid) }); process.on('SIGTERM', () => { console.log('own of', process.pid); process.exit(); });`;
  const { port, project, handover } = await setUp(t, (port) => ({ 'app.mjs': APP(port, extra) }));
  const app = handover(['app.mjs']);
  await app.printed(/generation 1 in /);
  const pid = Number((await request(port)).body.slice(4));
  project.save('app.mjs', `${APP(port, extra)}// 2`);
  await app.printed(new RegExp(`loop of ${pid}\nown of ${pid}\n`));
  await gone([pid]);
});

test('the old generation may end itself by the signal that its own handler has heard', async (t) => {
  const extra = `process.once('SIGTERM', () => { console.log('own of', process.pid); process.kill(process.pid, 'SIGTERM'); });`;
  const { port, project, primary } = await setUp(t, (port) => ({ 'app.mjs': APP(port, extra) }));
  const restarter = primary();
  const { pid } = await restarter.committed(1);
  project.save('app.mjs', `${APP(port, extra)}// 2`);
  await restarter.printed(new RegExp(`own of ${pid}\n`));
  const { report } = await restarter.event('drained');
  assert.deepEqual(report, []);
  await gone([pid]);
});

test('the old generation, and at last the app, may end by closing what it has open', async (t) => {
  const extra = `process.on('SIGTERM', () => { server.close(() => console.log('closed in', process.pid)); });`;
  const { port, project, primary } = await setUp(t, (port) => ({ 'app.mjs': APP(port, extra) }));
  const restarter = primary();
  const first = await restarter.committed(1);
  project.save('app.mjs', `${APP(port, extra)}// 2`);
  await restarter.printed(new RegExp(`closed in ${first.pid}\n`));
  const { report } = await restarter.event('drained');
  assert.deepEqual(report, []);
  const second = await restarter.committed(2);
  restarter.send({ type: 'stop', signal: 'SIGTERM' });
  await restarter.exited;
  assert.match(restarter.stdout, new RegExp(`closed in ${second.pid}\n`));
  assert.doesNotMatch(restarter.output, /killed/);
  assert.deepEqual(
    restarter.all('drained').map(({ report }) => report),
    [[], []],
  );
  await gone([first.pid, second.pid]);
});

test('pause and resume: background work rests from before the capture, and goes on after a rollback', async (t) => {
  const app = (port, extra = '') => `import http from 'node:http'; import { keep, onShutdown } from 'handover';
const work = keep('work', () => ({ done: [] })); let paused = false; ${extra}
onShutdown('ticker', { pause: async () => { await null; paused = true; console.log('paused'); }, resume: () => { paused = false; console.log('resumed'); } });
setInterval(() => paused || work.done.push(work.done.length), 1);
http.createServer((request, response) => response.end(JSON.stringify(work.done))).listen(${port}, '127.0.0.1');`;
  const { port, project, primary } = await setUp(t, (port) => ({ 'app.mjs': app(port) }));
  const restarter = primary();
  await restarter.committed(1);
  project.save('app.mjs', app(port, 'throw new Error("no");'));
  await restarter.printed(/paused\nresumed\n/);
  project.save('app.mjs', app(port, '// mended'));
  await restarter.committed(2);
  const done = JSON.parse((await request(port)).body);
  assert.deepEqual(
    done,
    done.map((_, index) => index),
    'nothing was done twice or skipped',
  );
});

test('guarantee 11: nothing of ours survives the primary, though a worker is blocked and the primary is killed', async (t) => {
  const { port, primary } = await setUp(t, (port) => ({
    'app.mjs': APP(
      port,
      `server.prependListener('request', (request) => { if (request.url === '/block') { console.log('blocking'); for (;;); } });`,
    ),
  }));
  const restarter = primary();
  const { pid } = await restarter.committed(1);
  const { pid: standby } = await restarter.event('standby', (detail) => detail.pid !== pid);
  http.get({ port, host: '127.0.0.1', path: '/block' }).on('error', () => {});
  await restarter.printed(/blocking/);
  await restarter.signal('SIGKILL');
  await gone([pid, standby]);
});

test('plain production: the same entry serves without a primary, drains on SIGTERM and exits 0', async (t) => {
  const { port, node } = await setUp(t, (port) => ({
    'entry.mjs': `import cluster from 'node:cluster'; import { runPrimary, runWorker } from 'handover';
if (cluster.isPrimary && process.env.NODE_ENV !== 'production') await runPrimary();
else await runWorker({ load: () => import('./app.mjs'), start: (app, context) => app.start(context), save: () => 1 });`,
    'app.mjs': `import http from 'node:http'; import { keep, onShutdown } from 'handover';
export const start = ({ state, isRestart, generation }) => new Promise((resolve) => http.createServer((request, response) => {
  if (request.url === '/slow') { process.once('SIGUSR2', () => response.end('slow')); console.log('slow'); }
  else response.end(JSON.stringify({ state, isRestart, generation, kept: keep('a', () => 5) }));
}).listen(${port}, '127.0.0.1', () => { console.log('listening'); resolve(); }));
onShutdown('db', { stop: () => console.log('db') });`,
  }));
  const app = node(['entry.mjs'], { env: { NODE_ENV: 'production' } });
  await app.printed(/listening/);
  assert.deepEqual(JSON.parse((await request(port)).body), { isRestart: false, generation: 1, kept: 5 });
  const agent = new http.Agent({ keepAlive: true });
  t.after(() => agent.destroy());
  await request(port, { agent });
  const slow = request(port, { path: '/slow' });
  await app.printed(/slow/);
  app.child.kill('SIGTERM');
  for (;;) if ((await request(port).catch((error) => error.code)) === 'ECONNREFUSED') break;
  process.kill(app.pid, 'SIGUSR2');
  assert.equal((await slow).body, 'slow');
  assert.deepEqual(await app.exited, { code: 0, signal: null });
  assert.match(app.stdout, /db/);
});

test('runWorker(start), the short form, under a primary and without one', async (t) => {
  const { port, node } = await setUp(t, (port) => ({
    'entry.mjs': `import cluster from 'node:cluster'; import { runPrimary, runWorker } from 'handover';
if (cluster.isPrimary && process.env.NODE_ENV !== 'production') await runPrimary();
else await runWorker(async ({ generation }) => { const { default: http } = await import('node:http'); http.createServer((request, response) => response.end('generation ' + generation)).listen(${port}, '127.0.0.1', () => console.log('listening')); });`,
  }));
  const primary = node(['entry.mjs']);
  await primary.printed(/generation 1 in /);
  assert.equal((await request(port)).body, 'generation 1');
  await primary.signal('SIGTERM');
  const direct = node(['entry.mjs'], { env: { NODE_ENV: 'production' } });
  await direct.printed(/listening/);
  assert.equal((await request(port)).body, 'generation 1');
});

test('keep() and onShutdown() are harmless in a plain program', async (t) => {
  const { node } = await setUp(t, {
    'app.mjs': `import { keep, onShutdown } from 'handover'; const a = keep('a', () => new Map([[1, 2]]));
console.log(a === keep('a', () => 0), a.get(1)); onShutdown('x', { stop: () => console.log('stopped') }); setInterval(() => {}, 1000); console.log('up');`,
  });
  const app = node(['app.mjs']);
  await app.printed(/up/);
  assert.deepEqual(await app.signal('SIGINT'), { code: 0, signal: null });
  assert.equal(app.stdout, 'true 2\nup\nstopped\n');
});

test('an app whose only timer rests while it is paused keeps its state', async (t) => {
  const app = (version) => `import { keep, onShutdown } from 'handover';
const state = keep('state', () => ({ ticks: 0 }));
let timer = setInterval(() => state.ticks++, 1);
onShutdown('ticker', { pause: () => clearInterval(timer), stop: () => console.log('stopped ${version}') });
console.log('v${version}', state.ticks > 0);`;
  const { project, handover } = await setUp(t, { 'app.mjs': app(1) });
  const process = handover(['app.mjs']);
  await process.printed(/v1 false/);
  for (let version = 2; version <= 5; version++) {
    await process.printed(new RegExp(`generation ${version - 1} in`));
    project.save('app.mjs', app(version));
    await process.printed(new RegExp(`v${version} true`));
    await process.printed(new RegExp(`stopped ${version - 1}`));
  }
});

test('a signal while it starts ends it cleanly', async (t) => {
  const { handover } = await setUp(t, { 'app.mjs': `console.log('up'); setInterval(() => {}, 1000);` });
  for (const wait of [0, 20, 60, 120, 180]) {
    const app = handover(['app.mjs']);
    // Wherever in its start it is by then.
    await new Promise((resolve) => setTimeout(resolve, wait));
    const { code, signal } = await app.signal('SIGTERM');
    assert.ok(signal === 'SIGTERM' || code === 0, `${code} ${signal}`);
    assert.doesNotMatch(app.stderr, /Error/);
  }
});
