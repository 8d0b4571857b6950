import assert from 'node:assert/strict';
import { mkdir, readdir, readFile, rmdir, utimes, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { PrimaryLock } from '../../dist/state/primary-lock.js';
import { Process } from '../helpers/process.js';
import { temporaryFolder } from './folder.js';

const HOLDER = fileURLToPath(new URL('../fixtures/hold-primary-lock.js', import.meta.url));

const ignore = { onLost: () => {} };

async function setUp(t) {
  const folder = await temporaryFolder(t);
  const file = path.join(folder, 'app.snapshot');
  const started = [];
  t.after(() =>
    Promise.all(
      started.map((holder) => {
        holder.child.kill('SIGKILL');
        return holder.exited;
      }),
    ),
  );
  const track = (holder) => {
    started.push(holder);
    return holder;
  };
  return {
    folder,
    file,
    ownerFile: `${file}.owner`,
    lockFolder: `${file}.primary`,
    names: () => readdir(folder),
    /** A process that tries to become the primary. */
    holder: (...args) => track(Process.node([HOLDER, file, ...args], { stdin: 'pipe' })),
    node: (program) => track(Process.node(['--input-type=module', '-e', program], { stdin: 'pipe' })),
    owner: async () => JSON.parse(await readFile(`${file}.owner`, 'utf8')),
  };
}

/** Resolves when it holds; there is no event for what another process writes. */
async function until(holds) {
  while (!(await holds())) await new Promise(setImmediate);
}

async function inTheFuture(folder) {
  const future = new Date(Date.now() + 3_600_000);
  await utimes(folder, future, future);
}

test('a second primary is refused with the pid of the first', async (t) => {
  const { file, holder, names } = await setUp(t);
  const first = holder();
  await first.printed(/^acquired$/m);
  const before = await names();
  const second = holder();
  const [, message] = await second.printed(/^PRIMARY_RUNNING: (.*)$/m);
  assert.ok(message.includes(`process ${first.pid} owns ${file}; stop it (kill ${first.pid})`), message);
  assert.match(message, /--snapshot <file>$/);
  await assert.rejects(PrimaryLock.acquire(file, ignore), { code: 'PRIMARY_RUNNING' });
  assert.equal((await second.exited).code, 1);
  assert.deepEqual(await names(), before);
});

test('a second one in the same process is refused, too', async (t) => {
  const { file, names } = await setUp(t);
  const lock = await PrimaryLock.acquire(file, ignore);
  await assert.rejects(PrimaryLock.acquire(file, ignore), {
    code: 'PRIMARY_RUNNING',
    message: new RegExp(`process ${process.pid} `),
  });
  await lock.release();
  await lock.release();
  assert.deepEqual(await names(), []);
});

test('release lets the next one in and leaves no file', async (t) => {
  const { holder, names } = await setUp(t);
  for (let round = 0; round < 2; round++) {
    const one = holder();
    await one.printed(/^acquired$/m);
    one.child.stdin.end();
    await one.printed(/^released$/m);
    await one.exited;
    assert.deepEqual(await names(), []);
  }
});

test('a worker that is noted while the lock is released brings no file back', async (t) => {
  const { file, names } = await setUp(t);
  const lock = await PrimaryLock.acquire(file, ignore);
  for (let count = 0; count < 20; count++) lock.setWorkers([process.pid]);
  const released = lock.release();
  lock.setWorkers([]);
  await released;
  assert.deepEqual(await names(), []);
});

test('the lock of a primary that was killed is taken at once, not when it has gone stale', async (t) => {
  const { holder, lockFolder, owner } = await setUp(t);
  const first = holder();
  await first.printed(/^acquired$/m);
  await first.signal('SIGKILL');
  assert.equal((await owner()).pid, first.pid);
  // It would not go stale within an hour: who waited for that would never get it.
  await inTheFuture(lockFolder);
  const second = holder();
  await second.printed(/^acquired$/m);
  assert.equal((await owner()).pid, second.pid);
});

test('guarantee 10: of five that start after a kill exactly one wins, and the others are told which', async (t) => {
  const { holder } = await setUp(t);
  let last = holder();
  await last.printed(/^acquired$/m);
  for (let round = 0; round < 3; round++) {
    await last.signal('SIGKILL');
    const starters = Array.from({ length: 5 }, () => holder());
    const outcomes = await Promise.all(starters.map((starter) => starter.printed(/^(acquired$|\w+: .*)/m)));
    const winners = starters.filter((_, index) => outcomes[index][1] === 'acquired');
    assert.equal(winners.length, 1, outcomes.join('\n'));
    [last] = winners;
    for (const [, outcome] of outcomes.filter(([, outcome]) => outcome !== 'acquired')) {
      assert.match(outcome, new RegExp(`^PRIMARY_RUNNING: .*process ${last.pid} owns`));
    }
  }
});

test('the next primary waits until the workers of a killed one have saved', async (t) => {
  const { folder, holder, node, owner } = await setUp(t);
  const saved = path.join(folder, 'saved');
  const worker = node(`
    import { writeFileSync } from 'node:fs';
    process.stdin.resume().once('end', () => {
      writeFileSync(${JSON.stringify(saved)}, '');
      process.exit();
    });
    console.log('ready');
  `);
  await worker.printed(/ready/);
  const first = holder(String(worker.pid));
  await first.printed(/^acquired$/m);
  await until(async () => (await owner()).workers[0]?.pid === worker.pid);
  await first.signal('SIGKILL');
  const second = holder('', saved);
  await until(async () => (await owner()).pid === second.pid);
  assert.equal(second.stdout, '');
  worker.child.stdin.end();
  assert.equal((await second.printed(/^acquired.*/m))[0], 'acquired, after the witness');
});

test('it does not wait for ever, and meanwhile no other one gets in', async (t) => {
  const { file, holder, ownerFile, owner } = await setUp(t);
  const workers = [{ pid: process.pid }];
  await writeFile(ownerFile, JSON.stringify({ pid: 2 ** 30, host: os.hostname(), token: 'x', workers }));
  const patient = holder();
  await until(async () => (await owner()).pid === patient.pid);
  await assert.rejects(PrimaryLock.acquire(file, ignore), { code: 'PRIMARY_RUNNING' });
  await patient.printed(/^acquired$/m);
});

const isLinux = process.platform === 'linux';

test('a later process with the pid of the owner is not taken for it', { skip: !isLinux }, async (t) => {
  const { file, ownerFile, lockFolder, owner } = await setUp(t);
  const other = { pid: process.pid, started: '1' };
  await writeFile(ownerFile, JSON.stringify({ ...other, host: os.hostname(), token: 'x', workers: [other] }));
  await mkdir(lockFolder);
  await inTheFuture(lockFolder);
  const lock = await PrimaryLock.acquire(file, ignore);
  assert.notEqual((await owner()).token, 'x');
  await lock.release();
});

test('a primary on another host is believed for as long as its lock is fresh', async (t) => {
  const { file, ownerFile, lockFolder } = await setUp(t);
  await writeFile(ownerFile, JSON.stringify({ pid: process.pid, host: 'elsewhere', token: 'x', workers: [] }));
  await mkdir(lockFolder);
  await inTheFuture(lockFolder);
  await assert.rejects(PrimaryLock.acquire(file, ignore), {
    code: 'PRIMARY_RUNNING',
    message: new RegExp(`process ${process.pid} on elsewhere owns`),
  });
  await utimes(lockFolder, 1, 1);
  const lock = await PrimaryLock.acquire(file, ignore);
  await lock.release();
});

test('an owner file that is damaged, and a lock without one, stop nobody', async (t) => {
  const { file, ownerFile, lockFolder, names } = await setUp(t);
  for (const content of ['', '{"pid":', undefined]) {
    if (content !== undefined) await writeFile(ownerFile, content);
    await mkdir(lockFolder);
    const lock = await PrimaryLock.acquire(file, ignore);
    await lock.release();
    assert.deepEqual(await names(), []);
  }
});

test('where there can be no lock, that is said with what to do', async (t) => {
  const { folder, file } = await setUp(t);
  await writeFile(file, '');
  const inside = path.join(file, 'app.snapshot');
  await assert.rejects(PrimaryLock.acquire(inside, ignore), (error) => {
    assert.equal(error.code, 'SNAPSHOT_UNWRITABLE');
    assert.ok(error.message.includes(inside));
    assert.match(error.message, /--snapshot <file>, or --no-snapshot$/);
    return true;
  });
  assert.deepEqual(await readdir(folder), ['app.snapshot']);
});

test('a lock that was broken while nobody else took it is taken again', async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const { file, lockFolder, names } = await setUp(t);
  const onLost = t.mock.fn();
  const lock = await PrimaryLock.acquire(file, { onLost });
  await rmdir(lockFolder);
  t.mock.timers.tick(5000);
  await until(async () => (await names()).includes('app.snapshot.primary'));
  await until(async () => !(await names()).includes('app.snapshot.lock'));
  await lock.release();
  assert.equal(onLost.mock.callCount(), 0);
  assert.deepEqual(await names(), []);
});

test('a lock that another one has taken meanwhile is lost, and stays that one’s', async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const { file, lockFolder, ownerFile, owner } = await setUp(t);
  const onLost = t.mock.fn();
  const lock = await PrimaryLock.acquire(file, { onLost });
  const other = { pid: 4711, host: os.hostname(), token: 'another', workers: [] };
  await writeFile(ownerFile, JSON.stringify(other));
  await rmdir(lockFolder);
  t.mock.timers.tick(5000);
  await until(() => onLost.mock.callCount() === 1);
  const [error] = onLost.mock.calls[0].arguments;
  assert.equal(error.code, 'PRIMARY_RUNNING');
  assert.match(error.message, /process 4711 owns/);
  await lock.release();
  assert.deepEqual(await owner(), other);
});
