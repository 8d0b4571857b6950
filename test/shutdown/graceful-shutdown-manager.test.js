import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';
import { GracefulShutdownManager } from '../../dist/shutdown/graceful-shutdown-manager.js';

const never = () => new Promise(() => {});

const outcomes = (manager) => Object.fromEntries(manager.report.map(({ name, outcome }) => [name, outcome]));

test('every shutdown is called, latest first, before the first join', async () => {
  const calls = [];
  const manager = new GracefulShutdownManager();
  for (const name of ['database', 'server']) {
    manager.registerComponent({
      name,
      shutdown: () => calls.push(`shutdown ${name}`),
      join: () => calls.push(`join ${name}`),
    });
  }
  assert.equal(await manager.initiateShutdown(), true);
  assert.deepEqual(calls, ['shutdown server', 'shutdown database', 'join server', 'join database']);
});

test('no component, and one with nothing to do, end at once', async () => {
  assert.equal(await new GracefulShutdownManager().initiateShutdown(), true);
  const manager = new GracefulShutdownManager();
  manager.registerComponent({ name: 'idle' });
  assert.equal(await manager.initiateShutdown(), true);
  assert.equal(manager.report[0].outcome, 'ended');
});

test('a component has ended when both its shutdown and its join have settled', async () => {
  const shutdown = withResolvers();
  const join = withResolvers();
  const manager = new GracefulShutdownManager();
  manager.registerComponent({ name: 'loop', shutdown: () => shutdown.promise, join: () => join.promise });
  const ended = manager.initiateShutdown();
  join.resolve();
  await new Promise((resolve) => setImmediate(resolve));
  assert.deepEqual(manager.report, []);
  shutdown.resolve();
  assert.equal(await ended, true);
});

test('methods keep their this', async () => {
  class Loop {
    name = 'loop';
    running = true;
    shutdown() {
      this.running = false;
    }
  }
  const loop = new Loop();
  const manager = new GracefulShutdownManager();
  manager.registerComponent(loop);
  await manager.initiateShutdown();
  assert.equal(loop.running, false);
});

test('a throw or a rejection fails its component and stops no other', async () => {
  const thrown = new Error('thrown');
  const rejected = new Error('rejected');
  const manager = new GracefulShutdownManager();
  let joined = false;
  manager.registerComponent({ name: 'good', shutdown: async () => {} });
  manager.registerComponent({ name: 'rejects', join: () => Promise.reject(rejected) });
  manager.registerComponent({
    name: 'throws',
    shutdown: () => {
      throw thrown;
    },
    join: () => (joined = true),
  });
  assert.equal(await manager.initiateShutdown(), false);
  assert.deepEqual(outcomes(manager), { good: 'ended', rejects: 'failed', throws: 'failed' });
  assert.equal(manager.report.find(({ name }) => name === 'throws').error, thrown);
  assert.equal(manager.report.find(({ name }) => name === 'rejects').error, rejected);
  assert.equal(joined, true);
});

test('its own timeout ends the wait for a component, the others go on', async () => {
  const slow = withResolvers();
  const manager = new GracefulShutdownManager({ shutdownTimeout: '1m' });
  manager.registerComponent({ name: 'stuck', join: never, timeout: 5 });
  manager.registerComponent({ name: 'slow', join: () => slow.promise });
  const watch = manager.report;
  const ended = manager.initiateShutdown();
  while (watch.length === 0) await new Promise((resolve) => setImmediate(resolve));
  assert.deepEqual(outcomes(manager), { stuck: 'timedOut' });
  slow.resolve();
  assert.equal(await ended, false);
  assert.deepEqual(outcomes(manager), { stuck: 'timedOut', slow: 'ended' });
});

test('shutdownTimeout bounds all components, also one with a longer timeout', async () => {
  const manager = new GracefulShutdownManager({ shutdownTimeout: 5 });
  manager.registerComponent({ name: 'stuck', shutdown: never, timeout: '1h' });
  manager.registerComponent({ name: 'stuck too', shutdown: never });
  assert.equal(await manager.initiateShutdown(), false);
  assert.deepEqual(outcomes(manager), { stuck: 'timedOut', 'stuck too': 'timedOut' });
});

test('with a timeout of 0 a synchronous component still ends', async () => {
  const manager = new GracefulShutdownManager({ shutdownTimeout: 0 });
  manager.registerComponent({ name: 'quick', shutdown: () => {} });
  assert.equal(await manager.initiateShutdown(), true);
});

test('a failure that is followed by a timeout is told as a failure', async () => {
  const manager = new GracefulShutdownManager({ shutdownTimeout: 5 });
  manager.registerComponent({ name: 'broken', shutdown: () => Promise.reject(new Error('broken')), join: never });
  assert.equal(await manager.initiateShutdown(), false);
  assert.deepEqual(outcomes(manager), { broken: 'failed' });
});

test('a rejection after the timeout is no unhandled rejection', async () => {
  const late = withResolvers();
  const manager = new GracefulShutdownManager({ shutdownTimeout: 1 });
  manager.registerComponent({ name: 'late', join: () => late.promise });
  await manager.initiateShutdown();
  late.reject(new Error('too late'));
  await new Promise((resolve) => setImmediate(resolve));
  assert.deepEqual(outcomes(manager), { late: 'timedOut' });
});

test('a second call returns the same promise, also from within a component', async () => {
  const manager = new GracefulShutdownManager();
  let calls = 0;
  let inner;
  manager.registerComponent({
    name: 'again',
    shutdown: () => {
      calls++;
      inner = manager.initiateShutdown();
    },
  });
  const ended = manager.initiateShutdown();
  assert.equal(calls, 1);
  assert.equal(manager.initiateShutdown(), ended);
  await ended;
  assert.equal(inner, ended);
  assert.equal(calls, 1);
});

test('an unregistered component is left alone, and its name is free', async () => {
  const manager = new GracefulShutdownManager();
  const calls = [];
  const unregister = manager.registerComponent({ name: 'a', shutdown: () => calls.push('first') });
  unregister();
  manager.registerComponent({ name: 'a', shutdown: () => calls.push('second') });
  unregister();
  await manager.initiateShutdown();
  assert.deepEqual(calls, ['second']);
});

test('a component registered during the shutdown is ended with it, one after it refused', async () => {
  const manager = new GracefulShutdownManager();
  const calls = [];
  manager.registerComponent({
    name: 'request',
    shutdown: async () => {
      await Promise.resolve();
      manager.registerComponent({ name: 'late', shutdown: () => calls.push('late') });
    },
  });
  assert.equal(await manager.initiateShutdown(), true);
  assert.deepEqual(calls, ['late']);
  assert.throws(() => manager.registerComponent({ name: 'later' }), { code: 'ALREADY_STARTED' });
});

test('wrong shapes are refused', () => {
  const manager = new GracefulShutdownManager();
  manager.registerComponent({ name: 'taken' });
  const wrong = [
    [undefined, /registerComponent\(\): expected an object/],
    [{ name: '' }, /name: expected a text that is not empty, got ''/],
    [{ name: 'a', shutdown: 1 }, /registerComponent\("a"\): shutdown: expected a function, got 1/],
    [{ name: 'a', join: 'x' }, /join: expected a function, got 'x'/],
    [{ name: 'a', timeout: 'soon' }, /registerComponent\("a"\): timeout: expected a duration .* got "soon"/],
    [{ name: 'taken' }, /the name is taken/],
  ];
  for (const [component, message] of wrong) {
    assert.throws(() => manager.registerComponent(component), { code: 'INVALID_OPTION', message });
  }
  assert.throws(() => new GracefulShutdownManager({ shutdownTimeout: -1 }), {
    code: 'INVALID_OPTION',
    message: /shutdownTimeout/,
  });
});

test('nothing keeps the process alive afterwards', () => {
  const program = `
    import { GracefulShutdownManager } from ${JSON.stringify(import.meta.resolve('../../dist/shutdown/graceful-shutdown-manager.js'))};
    const manager = new GracefulShutdownManager({ shutdownTimeout: '1h' });
    manager.registerComponent({ name: 'a', shutdown: async () => {}, join: () => new Promise(setImmediate) });
    manager.registerComponent({ name: 'b', join: () => new Promise(() => {}), timeout: 5 });
    await manager.initiateShutdown();
    console.log('over', process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length);
  `;
  const { stdout, status } = spawnSync(process.execPath, ['--input-type=module', '-e', program], {
    encoding: 'utf8',
    timeout: 60_000,
  });
  assert.deepEqual({ stdout, status }, { stdout: 'over 0\n', status: 0 });
});

function withResolvers() {
  const result = {};
  result.promise = new Promise((resolve, reject) => Object.assign(result, { resolve, reject }));
  return result;
}
