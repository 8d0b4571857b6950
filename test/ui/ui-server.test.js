import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readdirSync } from 'node:fs';
import net from 'node:net';
import { test } from 'node:test';
import { PAGE_ASSETS } from '../../dist/ui/assets.js';
import { UiServer } from '../../dist/ui/ui-server.js';
import { request } from '../helpers/clients.js';
import { Events, FakeRestarter, startUi } from '../helpers/ui.js';

const pathOf = ({ pathname, search }) => pathname + search;

test('the page and what it shows are for whoever has the token', async (t) => {
  const { port, page } = await startUi(t);
  const right = await request(port, { path: pathOf(page) });
  assert.equal(right.status, 200);
  assert.match(right.body, /<title>handover<\/title>/);
  for (const path of ['/', '/?token=', `/?token=${'a'.repeat(24)}`, '/events', '/events?token=x']) {
    const { status, body } = await request(port, { path });
    assert.equal(status, 403, path);
    assert.match(body, /the token in the address is not the one of this run/);
  }
  assert.equal((await request(port, { path: '/restart?token=x', method: 'POST' })).status, 403);
  assert.equal((await request(port, { path: '/nowhere' })).status, 404);
});

test('nothing is told under the name of another host', async (t) => {
  const { port, page, script } = await startUi(t);
  for (const host of [
    'evil.com',
    `evil.com:${port}`,
    '127.0.0.1',
    `127.0.0.1:${port + 1}`,
    `localhost.evil.com:${port}`,
  ]) {
    for (const url of [page, script]) {
      const { status, body } = await request(port, { path: pathOf(url), headers: { host } });
      assert.equal(status, 403, host);
      assert.match(body, /this is handover at 127\.0\.0\.1:\d+, and no other host/);
    }
  }
  for (const name of ['127.0.0.1', 'localhost', '[::1]']) {
    assert.equal((await request(port, { path: pathOf(page), headers: { host: `${name}:${port}` } })).status, 200);
  }
});

test('pages of other origins get nothing of the page, even with its token', async (t) => {
  const { port, page, restarter } = await startUi(t);
  const strangers = ['null', 'http://evil.com', `http://127.0.0.1:${port + 1}`, `https://127.0.0.1:${port}`];
  for (const origin of strangers) {
    for (const [method, path] of [
      ['GET', '/'],
      ['GET', '/events'],
      ['POST', '/restart'],
    ]) {
      const { status, body, headers } = await request(port, { method, path: path + page.search, headers: { origin } });
      assert.equal(status, 403, `${origin} ${path}`);
      assert.match(body, /not for those of other origins/);
      assert.equal(headers['access-control-allow-origin'], undefined);
    }
  }
  assert.deepEqual(restarter.restarts, []);
});

test('what the page may do is said in its headers', async (t) => {
  const { port, page } = await startUi(t);
  for (const path of [pathOf(page), '/page.js', '/page.css', '/icon.svg', '/nowhere', '/events']) {
    const { headers } = await request(port, { path });
    assert.match(
      headers['content-security-policy'],
      /^default-src 'none'; script-src 'self';.* frame-ancestors 'none'$/,
    );
    assert.equal(headers['x-content-type-options'], 'nosniff');
    assert.equal(headers['referrer-policy'], 'no-referrer');
    assert.equal(headers['cache-control'], 'no-store');
    assert.equal(headers['cross-origin-resource-policy'], 'same-origin');
  }
});

test('every file of the page is served as what it is, and has no address of another host in it', async (t) => {
  const { port, page } = await startUi(t);
  const files = readdirSync(new URL('../../src/ui/assets', import.meta.url));
  assert.deepEqual([...PAGE_ASSETS, 'page.html', 'reload.js'].toSorted(), files.toSorted());
  const types = { js: 'text/javascript', css: 'text/css', svg: 'image/svg+xml' };
  for (const name of PAGE_ASSETS) {
    const { status, headers, body } = await request(port, { path: `/${name}` });
    assert.equal(status, 200, name);
    assert.ok(headers['content-type'].startsWith(types[name.split('.')[1]]), name);
    assert.doesNotMatch(body.replaceAll('http://www.w3.org/2000/svg', ''), /https?:\/\/\w/, name);
  }
  assert.doesNotMatch((await request(port, { path: pathOf(page) })).body, /https?:\/\//);
});

test('a restart is triggered by POST and nothing else', async (t) => {
  const { port, page, restarter } = await startUi(t);
  const { status, headers } = await request(port, { path: `/restart${page.search}` });
  assert.deepEqual([status, headers.allow], [405, 'POST']);
  const own = { origin: `http://127.0.0.1:${port}` };
  assert.equal((await request(port, { path: `/restart${page.search}`, method: 'POST', headers: own })).status, 202);
  assert.deepEqual(restarter.restarts, ['page']);
  assert.equal((await request(port, { path: `/events${page.search}`, method: 'POST' })).status, 405);
});

test('whoever comes later is told the history, then what happens', async (t) => {
  const { page, restarter } = await startUi(t);
  restarter.commit(1);
  restarter.commit(2);
  restarter.emit('standby', { pid: process.ppid, preloaded: [] });
  const events = await Events.open(t, new URL(`/events${page.search}`, page));
  const hello = await events.next('hello');
  assert.deepEqual(
    hello.records.map(({ generation, outcome, held }) => [generation, outcome, held]),
    [
      [1, 'committed', 2],
      [2, 'committed', 2],
    ],
  );
  assert.equal(hello.generation, 2);
  // Of those that don't exist none is told once that is known; on Windows it is not.
  const { processes } = await events.next('memory');
  const known = processes.filter(({ memory }) => memory > 1_000_000).map(({ pid, role }) => [pid, role]);
  assert.deepEqual(known[0], [process.pid, 'primary']);
  if (process.platform === 'linux') {
    assert.deepEqual(known[1], [process.ppid, 'standby']);
    assert.equal(processes.length, 2);
  }
  restarter.commit(3, { reason: ['b.js'] });
  assert.deepEqual((await events.next('record')).reason, ['b.js']);
  restarter.emit('change', { reason: ['c.js'] });
  assert.equal((await events.next('record')).outcome, 'running');
});

test('a failure comes with its code frame', async (t) => {
  const { page, restarter } = await startUi(t);
  const events = await Events.open(t, new URL(`/events${page.search}`, page));
  const error = new Error('no config');
  restarter.emit('change', { reason: ['app.js'] });
  restarter.emit('loading', { generation: 2, pid: 1 });
  restarter.emit('rolledBack', { error, generation: 2, serving: 1, reason: [import.meta.filename], files: [] });
  let record = await events.next('record');
  while (!record.failure) record = await events.next('record');
  assert.match(
    record.failure.title,
    /^test.ui.ui-server\.test\.js:\d+:\d+ generation 2 failed to start: Error: no config$/,
  );
  assert.match(record.failure.body, /^> +\d+ \| {3}const error = new Error\('no config'\);$/m);
});

test('a busy port: the next one; none in ten: an error', async (t) => {
  const busy = [];
  const take = async (port) => {
    const server = net.createServer().listen(port, '127.0.0.1');
    t.after(() => server.close());
    await once(server, 'listening');
    return server;
  };
  const first = (await take(0)).address().port;
  for (let port = first + 1; port < first + 10; port++) busy.push(take(port).catch(() => {}));
  await Promise.all(busy);
  await assert.rejects(UiServer.start(new FakeRestarter(), first), {
    code: 'UI_PORT_TAKEN',
    message: new RegExp(`none of the ports ${first} to ${first + 9} could be opened .*EADDRINUSE.*--ui=`),
  });
  const next = await startUi(t, { ui: first + 9 });
  assert.ok(next.port > first + 9, `${next.port} of ${first + 9}`);
});

test('without the page only the script for the app is served', async (t) => {
  const { port, page, script } = await startUi(t, { ui: false });
  assert.equal(page, undefined);
  assert.equal((await request(port, { path: pathOf(script) })).status, 200);
  for (const path of ['/', '/events', '/restart', '/page.js']) {
    const { status, body } = await request(port, { path, method: path === '/restart' ? 'POST' : 'GET' });
    assert.equal(status, 404);
    assert.match(body, /start handover with --ui/);
  }
});

test('close() ends every stream', async (t) => {
  const { server, page, script } = await startUi(t);
  const streams = [
    await Events.open(t, new URL(`/events${page.search}`, page)),
    await Events.open(t, new URL(`/reload${script.search}`, page)),
  ];
  await server.close();
  await Promise.all(streams.map(({ ended }) => ended));
});
