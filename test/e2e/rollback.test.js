import assert from 'node:assert/strict';
import { test } from 'node:test';
import { counter } from '../helpers/apps.js';
import { request } from '../helpers/clients.js';
import { setUp } from '../helpers/fixture.js';

const counterApp = (port) => ({ 'app.mjs': counter({ port }) });

/** Starts the counter, breaks it under load by a save, mends it by another; nothing may be lost in between. */
async function breaksAndMends(t, { broken, options = {}, expectError }) {
  const { port, project, primary, load: startLoad } = await setUp(t, counterApp);
  const restarter = primary(options);
  await restarter.committed(1);
  const load = startLoad({ clients: 8 });
  await load.more(50);
  project.save('app.mjs', broken(port));
  const failure = await restarter.event('rolledBack');
  assert.equal(failure.serving, 1);
  assert.match(`${failure.error.code} ${failure.error.name}: ${failure.error.message}`, expectError);
  await load.more(50);
  assert.equal(JSON.parse((await request(port)).body).version, 1, 'the last good generation serves');
  project.save('app.mjs', counter({ port, version: 2 }));
  await restarter.committed(2);
  await load.more(50);
  await load.stop();
  assert.deepEqual(load.failures, []);
  const { version, count } = JSON.parse((await request(port)).body);
  assert.equal(version, 2);
  assert.equal(count, load.acknowledged, 'every acknowledged write is there, once');
  assert.equal(new Set(load.bodies).size, load.bodies.length);
}

test('guarantee 4: a syntax error changes nothing', (t) =>
  breaksAndMends(t, { broken: () => 'let x = ;', expectError: /SyntaxError/ }));

test('guarantee 4: a throw while loading changes nothing', (t) =>
  breaksAndMends(t, {
    broken: (port) => counter({ port, extra: 'throw new TypeError("no luck");' }),
    expectError: /TypeError: no luck/,
  }));

test('a rejection while loading changes nothing', (t) =>
  breaksAndMends(t, {
    broken: (port) => counter({ port, extra: 'await Promise.reject(new RangeError("too far"));' }),
    expectError: /RangeError: too far/,
  }));

test('an asynchronous throw before it listens changes nothing', (t) =>
  breaksAndMends(t, {
    broken: () => 'setTimeout(() => { throw new Error("later"); }, 5);',
    expectError: /Error: later/,
  }));

test('a missing import changes nothing', (t) =>
  breaksAndMends(t, { broken: () => 'import "./missing.mjs";', expectError: /ERR_MODULE_NOT_FOUND/ }));

test('guarantee 4: a hang while loading changes nothing', (t) =>
  breaksAndMends(t, { broken: () => 'for (;;);', options: { readyTimeout: '3s' }, expectError: /READY_TIMEOUT/ }));

test('an app that waits for ever at its top level changes nothing', (t) =>
  breaksAndMends(t, {
    broken: () => 'setInterval(() => {}, 1000); await new Promise(() => {});',
    options: { readyTimeout: '3s' },
    expectError: /READY_TIMEOUT/,
  }));

test('an app that no longer listens changes nothing', (t) =>
  breaksAndMends(t, {
    broken: () => 'setInterval(() => {}, 1000);',
    options: { readyTimeout: '3s' },
    expectError: /READY_TIMEOUT.*did not listen/,
  }));

test('guarantee 4: an exit while starting changes nothing', (t) =>
  breaksAndMends(t, { broken: () => 'process.exit(3);', expectError: /WORKER_EXITED.*exit code 3/ }));

test('guarantee 4: a port that is taken changes nothing', async (t) => {
  const other = (await import('node:net')).createServer();
  await new Promise((resolve) => other.listen(0, '127.0.0.1', resolve));
  t.after(() => other.close());
  await breaksAndMends(t, {
    broken: () => counter({ port: other.address().port }),
    expectError: /EADDRINUSE.*listen EADDRINUSE: address already in use 127\.0\.0\.1/,
  });
});

test('guarantee 4: a state that the new code refuses stays with the old code', (t) =>
  breaksAndMends(t, {
    broken: (port) => counter({ port }).replace('({ count: 0 })', '({ count: 0 }), { version: 2 }'),
    expectError: /STATE_REJECTED.*version 1, the code wants 2/,
  }));
