import assert from 'node:assert/strict';
import { watch } from 'node:fs';
import { readFile, readdir, rm, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { test } from 'node:test';
import { decodeBlob } from '../../dist/state/blob.js';
import { decodeValue } from '../../dist/state/codec.js';
import { decodeSnapshot } from '../../dist/state/snapshot-format.js';
import { counter } from '../helpers/apps.js';
import { request } from '../helpers/clients.js';
import { setUp } from '../helpers/fixture.js';
import { gone } from '../helpers/process.js';

const counterApp = (port) => ({ 'app.mjs': counter({ port }) });
const countAt = async (port) => JSON.parse((await request(port)).body).count;

/** Resolves when the snapshot in the file has that count. */
function written(file, count) {
  return new Promise((resolve) => {
    const check = async () => {
      const snapshot = await readFile(file).then(decodeSnapshot, () => undefined);
      const entry = typeof snapshot === 'object' && decodeBlob(snapshot.blob).get('state');
      if (!entry || decodeValue(entry.parts).count !== count) return;
      watcher.close();
      resolve();
    };
    const watcher = watch(path.dirname(file), check);
    void check();
  });
}

/** Counts to three and kills the primary; returns once its workers have saved and gone. */
async function countAndKill(setup, options) {
  const { port, primary } = setup;
  const restarter = primary(options);
  const { pid } = await restarter.committed(1);
  const { pid: standby } = await restarter.event('standby', (detail) => detail.pid !== pid);
  for (let i = 0; i < 3; i++) await request(port, { method: 'POST' });
  await restarter.signal('SIGKILL');
  const began = performance.now();
  await gone([pid, standby]);
  return performance.now() - began;
}

test('guarantee 8: a worker whose primary is killed saves the state and exits within a second; the next start has it', async (t) => {
  const setup = await setUp(t, counterApp);
  const snapshot = setup.project.path('state/app.snapshot');
  const took = await countAndKill(setup, { snapshot });
  assert.ok(took < 1000, `${took} ms`);
  assert.equal((await stat(snapshot)).mode & 0o777, 0o600);
  const second = setup.primary({ snapshot });
  await second.committed(1);
  assert.equal(await countAt(setup.port), 3);
});

test('a next start right after the kill waits for the worker that is still saving', async (t) => {
  const setup = await setUp(t, counterApp);
  const snapshot = setup.project.path('app.snapshot');
  const first = setup.primary({ snapshot });
  await first.committed(1);
  for (let i = 0; i < 3; i++) await request(setup.port, { method: 'POST' });
  const killed = first.signal('SIGKILL');
  const second = setup.primary({ snapshot });
  await killed;
  await second.committed(1);
  assert.equal(await countAt(setup.port), 3);
});

test('a checkpoint is in the file soon after the state has changed', async (t) => {
  const { port, project, primary } = await setUp(t, counterApp);
  const snapshot = project.path('app.snapshot');
  const restarter = primary({ snapshot, checkpointInterval: '20ms' });
  const { pid } = await restarter.committed(1);
  await request(port, { method: 'POST' });
  await restarter.state('state', ({ count }) => count === 1);
  await written(snapshot, 1);
  // Both die at once, as when the power fails.
  process.kill(pid, 'SIGSTOP');
  const killed = restarter.signal('SIGKILL');
  process.kill(pid, 'SIGKILL');
  await killed;
  const second = primary({ snapshot });
  await second.committed(1);
  assert.equal(await countAt(port), 1);
});

test('a crash goes on from the last checkpoint', async (t) => {
  const { port, primary } = await setUp(t, (port) => ({
    'app.mjs': counter({
      port,
      extra: `server.prependListener('request', (request) => { if (request.url === '/crash') throw new Error('crash'); });`,
    }),
  }));
  const restarter = primary({ checkpointInterval: '20ms', snapshot: false });
  await restarter.committed(1);
  await request(port, { method: 'POST' });
  await restarter.state('state', ({ count }) => count === 1);
  await assert.rejects(request(port, { path: '/crash' }), { code: 'ECONNRESET' });
  const crashed = await restarter.event('crashed');
  assert.match(crashed.error.message, /crash/);
  await restarter.committed(2);
  assert.equal(await countAt(port), 1);
});

test('an app that crashes three times in ten seconds waits for the next save', async (t) => {
  const crashing = (port) => counter({ port, extra: `setTimeout(() => process.exit(1), 20);` });
  const { port, project, primary } = await setUp(t, (port) => ({ 'app.mjs': crashing(port) }));
  const restarter = primary();
  const crashed = await restarter.event('crashed', ({ waits }) => waits);
  assert.equal(crashed.generation, 3);
  const held = request(port);
  project.save('app.mjs', counter({ port, version: 2 }));
  assert.equal(JSON.parse((await held).body).version, 2);
});

test('a clean stop removes the snapshot; persist keeps it, up to date', async (t) => {
  const { port, project, primary } = await setUp(t, counterApp);
  const snapshot = project.path('app.snapshot');
  const first = primary({ snapshot, checkpointInterval: '20ms' });
  await first.committed(1);
  await request(port, { method: 'POST' });
  await first.stop();
  assert.deepEqual(
    (await readdir(project.dir)).filter((name) => name.startsWith('app.snapshot')),
    [],
  );
  const second = primary({ snapshot, persist: true });
  await second.committed(1);
  await request(port, { method: 'POST' });
  await request(port, { method: 'POST' });
  await second.stop();
  const third = primary({ snapshot });
  await third.committed(1);
  assert.equal(await countAt(port), 2);
});

for (const [what, damage] of [
  ['torn', (bytes) => bytes.subarray(0, bytes.length - 5)],
  ['forged', (bytes) => Buffer.concat([bytes.subarray(0, -3), Buffer.from('xyz')])],
  ['empty', () => Buffer.alloc(0)],
]) {
  test(`a ${what} snapshot is set aside and reported, and the app starts fresh`, async (t) => {
    const setup = await setUp(t, counterApp);
    const snapshot = setup.project.path('app.snapshot');
    await countAndKill(setup, { snapshot });
    await writeFile(snapshot, damage(await readFile(snapshot)));
    const second = setup.primary({ snapshot });
    await second.committed(1);
    assert.equal(await countAt(setup.port), 0);
    assert.match(
      second
        .all('warning')
        .map(({ message }) => message)
        .join(),
      /app\.snapshot/,
    );
    assert.ok((await readdir(setup.project.dir)).includes('app.snapshot.rejected'));
  });
}

test('a snapshot that the code refuses is set aside, and the app starts fresh', async (t) => {
  const setup = await setUp(t, counterApp);
  const snapshot = setup.project.path('app.snapshot');
  await countAndKill(setup, { snapshot });
  setup.project.save(
    'app.mjs',
    counter({ port: setup.port }).replace('({ count: 0 })', '({ count: 0 }), { version: 2 }'),
  );
  const second = setup.primary({ snapshot });
  await second.committed(1);
  assert.equal(await countAt(setup.port), 0);
  assert.ok((await readdir(setup.project.dir)).includes('app.snapshot.rejected'));
});

// A file where a folder should be: unwritable for root, too.

test('a chosen snapshot that cannot be written is an error at the start', async (t) => {
  const { project, primary } = await setUp(t, counterApp);
  project.write({ folder: '' });
  const restarter = primary({ snapshot: project.path('folder/app.snapshot') });
  assert.equal((await restarter.exited).code, 1);
  assert.match(restarter.stderr, /SNAPSHOT_UNWRITABLE: .*folder\/app\.snapshot.*--no-snapshot/s);
});

test('without a choice it is a warning, and restarts lose nothing', async (t) => {
  const { port, project, primary } = await setUp(t, counterApp);
  project.write({ 'node_modules/.cache': '' });
  const restarter = primary();
  await restarter.committed(1);
  assert.match(restarter.all('warning')[0].message, /node_modules\/\.cache.*memory only/s);
  await request(port, { method: 'POST' });
  project.save('app.mjs', counter({ port, version: 2 }));
  await restarter.committed(2);
  assert.equal(await countAt(port), 1);
});

test('a snapshot folder that becomes unwritable is reported once, and restarts lose nothing', async (t) => {
  const { port, project, primary } = await setUp(t, counterApp);
  const restarter = primary({ snapshot: project.path('folder/app.snapshot'), checkpointInterval: '20ms' });
  await restarter.committed(1);
  await rm(project.path('folder'), { recursive: true, maxRetries: 20, retryDelay: 10 });
  project.write({ folder: '' });
  for (let version = 2; version <= 4; version++) {
    await request(port, { method: 'POST' });
    project.save('app.mjs', counter({ port, version }));
    await restarter.committed(version);
  }
  assert.match((await restarter.event('warning')).message, /folder\/app\.snapshot/);
  assert.equal(await countAt(port), 3);
  assert.equal(restarter.all('warning').length, 1);
});

test('a second primary for the same project is refused, by the pid of the first', async (t) => {
  const { project, primary } = await setUp(t, counterApp);
  const snapshot = project.path('app.snapshot');
  const first = primary({ snapshot });
  await first.committed(1);
  const second = primary({ snapshot });
  assert.equal((await second.exited).code, 1);
  assert.match(second.stderr, new RegExp(`PRIMARY_RUNNING.*\\b${first.pid}\\b`, 's'));
  assert.equal(first.exit, undefined);
});
