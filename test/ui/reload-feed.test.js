import assert from 'node:assert/strict';
import { test } from 'node:test';
import { request } from '../helpers/clients.js';
import { Events, startUi } from '../helpers/ui.js';

const LOCAL = { origin: 'http://shop.localhost:3000' };

const open = (t, { script }, headers) => Events.open(t, new URL(`/reload${script.search}`, script), headers);

test('any page may run the script; what it tells is for pages of this machine, or with the token', async (t) => {
  const { port, script } = await startUi(t);
  const { headers, status } = await request(port, { path: '/reload.js', headers: { origin: 'http://evil.com' } });
  assert.equal(status, 200);
  assert.equal(headers['cross-origin-resource-policy'], 'cross-origin');
  const ask = (search, origin) => Events.open(t, new URL(`/reload${search}`, script), origin ? { origin } : {});
  const { search } = script;
  for (const [given, origin] of [
    ['', 'http://localhost:3000'],
    // Of a run that is over.
    [`?token=${'a'.repeat(24)}`, 'https://127.0.0.1:8443'],
    [search, 'https://shop.test'],
    [search, 'null'],
  ]) {
    const { response } = await ask(given, origin);
    assert.equal(response.statusCode, 200, origin);
    assert.equal(response.headers['access-control-allow-origin'], origin);
    assert.equal(response.headers['vary'], 'Origin');
  }
  for (const [given, origin] of [
    ['', 'http://evil.com'],
    [`?token=${'a'.repeat(24)}`, 'http://evil.com'],
    ['', 'null'],
    ['', undefined],
  ]) {
    const { response } = await ask(given, origin);
    assert.equal(response.statusCode, 403, origin);
    assert.equal(response.headers['access-control-allow-origin'], undefined);
  }
});

test('the token of the script opens nothing else', async (t) => {
  const { port, script, page } = await startUi(t);
  assert.notEqual(script.search, page.search);
  for (const path of ['/', '/events']) assert.equal((await request(port, { path: path + script.search })).status, 403);
  assert.equal((await request(port, { path: `/restart${script.search}`, method: 'POST' })).status, 403);
});

test('a commit is told when the connections have moved, not before', async (t) => {
  const ui = await startUi(t);
  const events = await open(t, ui, LOCAL);
  const first = await events.next('state');
  assert.deepEqual({ ...first, run: '' }, { run: '', generation: null, servedFor: null, failure: null });
  ui.restarter.commit(1);
  const one = await events.next('state');
  assert.equal(one.generation, 1);
  assert.equal(one.run, first.run);
  ui.restarter.commit(2, { receipt: false });
  const meanwhile = await open(t, ui, LOCAL);
  assert.equal((await meanwhile.next('state')).generation, 1);
  ui.restarter.moved(2);
  const two = await events.next('state');
  assert.equal(two.generation, 2);
  assert.ok(two.servedFor >= 0 && two.servedFor < 1000);
});

test('an old generation that does not let go of its connections is waited for a second', async (t) => {
  const ui = await startUi(t);
  ui.restarter.commit(1);
  const events = await open(t, ui, LOCAL);
  await events.next('state');
  ui.restarter.commit(2, { receipt: false });
  assert.equal((await events.next('state')).generation, 2);
});

test('a failure is told with its text until a generation serves, one that has been overtaken not at all', async (t) => {
  const ui = await startUi(t);
  ui.restarter.commit(1);
  const events = await open(t, ui, LOCAL);
  await events.next('state');
  const fail = (message) => {
    ui.restarter.emit('loading', { generation: 2, pid: 1 });
    ui.restarter.emit('rolledBack', { error: new Error(message), generation: 2, serving: 1, reason: [], files: [] });
  };
  fail('overtaken');
  fail('no config');
  const { failure, generation } = await events.next('state');
  assert.equal(generation, 1);
  assert.match(failure.title, /generation 2 failed to start: Error: no config/);
  assert.match(failure.body, /^> +\d+ \|.*new Error\(message\)/m);
  assert.equal((await (await open(t, ui, LOCAL)).next('state')).failure.title, failure.title);
  ui.restarter.commit(2);
  assert.equal((await events.next('state')).failure, null);
});
