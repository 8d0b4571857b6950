import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { chownSync, readdirSync } from 'node:fs';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { setTimeout as delay } from 'node:timers/promises';
import { counter } from '../helpers/apps.js';
import { request } from '../helpers/clients.js';
import { setUp } from '../helpers/fixture.js';
import { Process } from '../helpers/process.js';

const isLinux = process.platform === 'linux';
const isRoot = process.getuid?.() === 0;
/** To root the system sets no limit of processes. */
const user = isRoot ? 65_534 : undefined;

/** Why something of the system can't be had here; undefined: it can. */
const lacks = (command, ...args) =>
  spawnSync(command, args).status === 0 ? false : `${command} ${args[0]} does not work here`;
const withoutLimits = lacks('prlimit', '--version');
const CLI = fileURLToPath(new URL('../../dist/cli.js', import.meta.url));
const withoutUser =
  withoutLimits ||
  (spawnSync(process.execPath, [CLI, '--version'], { uid: user, gid: user }).status !== 0 &&
    'another user can not run it here');
const withoutMounts = lacks('unshare', '-m', 'mount', '-t', 'tmpfs', 'tmpfs', '/mnt');

/** Changes a limit of a running process, as the user that it belongs to. */
function limit(pid, name, value, uid) {
  const { status, stderr } = spawnSync(
    'prlimit',
    ['--pid', String(pid), `--${name}=${value}:`],
    uid && { uid, gid: uid },
  );
  assert.equal(status, 0, String(stderr));
}

/** How many descriptors a process has open when it has come to rest. */
async function restingDescriptors(pid) {
  const counts = [];
  while (counts.length < 10 || counts.slice(-10).some((count) => count !== counts.at(-1))) {
    counts.push(readdirSync(`/proc/${pid}/fd`).length);
    await delay(50);
  }
  return counts.at(-1);
}

const stateAt = async (port) => JSON.parse((await request(port)).body);

/** A restart for which no process can be started: it is told once, the old generation serves, then it comes by itself. */
async function restartWithout(t, { take, give, expected, options }) {
  const { port, project, primary } = await setUp(t, (port) => ({ 'app.mjs': counter({ port }) }));
  if (options?.uid) chownSync(project.dir, options.uid, options.uid);
  const restarter = primary({ standby: 0, ...options });
  await restarter.committed(1);
  await restarter.event('receipt');
  await request(port, { method: 'POST' });
  await take(restarter.pid);
  project.save('app.mjs', counter({ port, version: 2 }));
  const { error, serving } = await restarter.event('rolledBack');
  assert.equal(error.code, 'FORK_FAILED');
  assert.match(error.message, expected);
  assert.equal(serving, 1);
  await request(port, { method: 'POST' });
  // Two more attempts fail meanwhile.
  await delay(2500);
  assert.equal(restarter.all('rolledBack').length, 1);
  assert.deepEqual({ ...(await stateAt(port)), pid: 0 }, { version: 1, count: 2, pid: 0 });
  give(restarter.pid);
  await restarter.committed(2);
  assert.deepEqual({ ...(await stateAt(port)), pid: 0 }, { version: 2, count: 2, pid: 0 });
}

test(
  'guarantee 12: no descriptor left (EMFILE): that is said, what serves serves on, the restart comes when there is room',
  { skip: withoutLimits },
  async (t) => {
    await restartWithout(t, {
      // A file can be read still, but a process takes more.
      take: async (pid) => limit(pid, 'nofile', (await restingDescriptors(pid)) + 3),
      give: (pid) => limit(pid, 'nofile', 1024),
      expected: /generation 2 could not be started: .*EMFILE; allow more open files \(ulimit -n\)/,
    });
  },
);

test(
  'guarantee 12: no process left (EAGAIN): that is said, what serves serves on, the restart comes when there is room',
  { skip: withoutUser },
  async (t) => {
    await restartWithout(t, {
      take: (pid) => limit(pid, 'nproc', 1, user),
      give: (pid) => limit(pid, 'nproc', 10_000, user),
      expected: /generation 2 could not be started: .*EAGAIN; end other programs, or allow more processes/,
      options: { uid: user },
    });
  },
);

test(
  'guarantee 12: a full disk (ENOSPC): that is said once, and restarts lose nothing; a start that was told the file refuses',
  { skip: withoutMounts },
  async (t) => {
    const { port, project } = await setUp(t, (port) => ({
      'app.mjs': counter({ port, extra: `state.text ??= 'x'.repeat(500_000);` }),
    }));
    project.write({ 'small/.keep': '' });
    const command = `mount -t tmpfs -o size=64k tmpfs small && exec "${process.execPath}" "${CLI}" --snapshot small/app.snapshot --checkpoint-interval 20ms app.mjs`;
    const running = new Process('unshare', ['-m', 'sh', '-c', command], { cwd: project.dir });
    t.after(() => running.stop());
    await running.printed(/generation 1 in /);
    const [, warning] = await running.printed(/(.*app\.snapshot.*)/);
    assert.match(warning, /ENOSPC/);
    for (let version = 2; version <= 4; version++) {
      await request(port, { method: 'POST' });
      project.save('app.mjs', counter({ port, version }));
      await running.printed(new RegExp(`generation ${version}`));
    }
    assert.equal((await stateAt(port)).count, 3);
    assert.equal(running.output.match(/ENOSPC/g).length, 1);
  },
);

test('guarantee 12: 64 MB of output that nobody reads: the app waits, as it would by itself; then all of it comes', async (t) => {
  const flood = (port, version) =>
    counter({
      port,
      version,
      extra:
        version === 1
          ? `process.on('SIGUSR2', () => { for (let line = 0; line < 64_000; line++) console.log('line ' + line + ' ' + 'x'.repeat(1000)); });`
          : '',
    });
  const { port, project, handover } = await setUp(t, (port) => ({ 'app.mjs': flood(port, 1) }));
  const running = handover(['app.mjs']);
  await running.printed(/generation 1 in /);
  await request(port, { method: 'POST' });
  const { pid } = await stateAt(port);
  const { stdout } = running.child;
  // What it prints is counted only: to keep and search it all would take longer than to write it.
  stdout.removeAllListeners('data').pause();
  process.kill(pid, 'SIGUSR2');
  await delay(500);
  assert.equal(running.exit, undefined);
  let [lines, rest] = [0, ''];
  const ended = new Promise((resolve) => {
    stdout.on('data', (text) => {
      const found = (rest + text).split('\n');
      rest = found.pop();
      for (const line of found) if (line.startsWith(`line ${lines} `)) lines++;
      if (lines === 64_000) resolve();
    });
  });
  stdout.resume();
  await ended;
  project.save('app.mjs', flood(port, 2));
  await running.printed(/generation 2 in /);
  const { version, count } = await stateAt(port);
  assert.deepEqual({ version, count }, { version: 2, count: 1 });
});

test(
  'the snapshot folder is removed while it runs: it is made again, and a kill loses nothing',
  { skip: !isLinux },
  async (t) => {
    const { port, project, primary } = await setUp(t, (port) => ({ 'app.mjs': counter({ port }) }));
    const snapshot = project.path('state/app.snapshot');
    const first = primary({ snapshot });
    await first.committed(1);
    await project.removeFolder('state');
    await request(port, { method: 'POST' });
    await first.signal('SIGKILL');
    const second = primary({ snapshot });
    await second.committed(1);
    assert.equal((await stateAt(port)).count, 1);
  },
);
