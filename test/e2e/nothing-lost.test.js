import assert from 'node:assert/strict';
import { test } from 'node:test';
import { counter, entryForm, express } from '../helpers/apps.js';
import { request } from '../helpers/clients.js';
import { setUp } from '../helpers/fixture.js';
import { RawClient } from '../helpers/raw-client.js';

const SAVES = 8;

/** Saves again and again under load; every acknowledged write must be counted once, and no request may fail. */
async function losesNothing(t, { files, entry, options = {}, inPlace = false }) {
  const { port, project, primary, load: startLoad } = await setUp(t, (port) => files({ port, version: 1 }));
  const restarter = primary({ entry, ...options });
  await restarter.committed(1);
  const load = startLoad({ clients: 20 });
  for (let generation = 2; generation <= SAVES + 1; generation++) {
    await load.more(60);
    const content = files({ port, version: generation })['app.mjs'];
    if (inPlace) project.write({ 'app.mjs': content });
    else project.save('app.mjs', content);
    await restarter.committed(generation);
  }
  await load.more(60);
  await load.stop();
  assert.deepEqual(load.failures, []);
  const { version, count } = JSON.parse((await request(port)).body);
  assert.equal(version, SAVES + 1);
  assert.equal(count, load.acknowledged);
  assert.equal(new Set(load.bodies).size, load.acknowledged, 'no write was applied twice');
  return restarter;
}

const withKeep = (options) => ({ 'app.mjs': counter(options) });

test('guarantee 2: keep(): no write is lost or repeated', (t) => losesNothing(t, { files: withKeep }));

test('keep(), saved in place: no write is lost or repeated', (t) =>
  losesNothing(t, { files: withKeep, inPlace: true }));

test('guarantee 2: save() and start(): no write is lost or repeated', (t) =>
  losesNothing(t, { files: entryForm, entry: 'entry.mjs' }));

test('fresh: no write is lost or repeated', (t) => losesNothing(t, { files: withKeep, options: { fresh: true } }));

test('overlap: false: no write is lost or repeated, two generations never live at once', async (t) => {
  const restarter = await losesNothing(t, { files: withKeep, options: { overlap: false } });
  const names = restarter.events.map((event) => event.name);
  assert.ok(names.includes('captured'));
});

test('standby: 0: no write is lost or repeated', (t) => losesNothing(t, { files: withKeep, options: { standby: 0 } }));

test('guarantee 1: an unchanged Express app under GET: no request fails, and it has no pause', async (t) => {
  const { port, project, primary, load: startLoad } = await setUp(t, (port) => ({ 'app.mjs': express({ port }) }));
  const restarter = primary();
  await restarter.committed(1);
  const load = startLoad({ method: 'GET' });
  for (let version = 2; version <= SAVES + 1; version++) {
    await load.more(60);
    project.save('app.mjs', express({ port, version }));
    assert.equal((await restarter.committed(version)).pauseMs, 0);
  }
  await load.more(60);
  await load.stop();
  assert.deepEqual(load.failures, []);
  assert.equal((await request(port)).body, `version ${SAVES + 1}`);
});

test('fresh: a request sent after the save is never answered by old code', async (t) => {
  const { port, project, primary } = await setUp(t, (port) => ({ 'app.mjs': express({ port }) }));
  const restarter = primary({ fresh: true });
  await restarter.committed(1);
  for (let version = 2; version <= 6; version++) {
    const changed = restarter.event('change', ({ reason }) => reason.length > 0, restarter.events.length);
    project.save('app.mjs', express({ port, version }));
    await changed;
    assert.equal((await request(port)).body, `version ${version}`);
  }
});

test('requests in fragments, pipelined: each is answered once, in order, and none is lost or repeated', async (t) => {
  const app = ({ port, version }) => `import http from 'node:http'; import { keep } from 'handover';
const state = keep('state', () => ({ count: 0 }));
http.createServer((request, response) => {
  if (request.method === 'POST') request.resume().on('end', () => response.end('v1 ' + request.url.slice(1) + '-' + ++state.count + ';'));
  else response.end(JSON.stringify({ version: ${version}, count: state.count }));
}).listen(${port}, '127.0.0.1');`;
  const { port, project, primary } = await setUp(t, (port) => ({ 'app.mjs': app({ port, version: 1 }) }));
  const restarter = primary();
  await restarter.warm(1);
  const stopped = new AbortController();
  const send = async () => {
    const client = await RawClient.connect(t, port);
    let sent = 0;
    let rest = '';
    while (!stopped.signal.aborted || rest !== '') {
      while (rest.length < 300 && !stopped.signal.aborted)
        rest += `POST /${sent++} HTTP/1.1\r\nHost: app\r\nContent-Length: 4\r\n\r\nbody`;
      const length = 1 + Math.floor(Math.random() * 200);
      await client.write(rest.slice(0, length));
      rest = rest.slice(length);
      await new Promise((resolve) => setTimeout(resolve, Math.random() * 4));
    }
    const answers = await client.answered(sent);
    assert.deepEqual(
      answers.map((answer) => Number(/^v1 (\d+)-/.exec(answer)[1])),
      Array.from({ length: sent }, (_, index) => index),
    );
    return answers.map((answer) => /-(\d+);/.exec(answer)[1]);
  };
  const clients = Array.from({ length: 10 }, send);
  for (let version = 2; version <= SAVES + 1; version++) {
    project.save('app.mjs', app({ port, version }));
    await restarter.committed(version);
  }
  stopped.abort();
  const counts = (await Promise.all(clients)).flat();
  assert.equal(new Set(counts).size, counts.length, 'no write was applied twice');
  const { version, count } = JSON.parse((await request(port)).body);
  assert.deepEqual({ version, count }, { version: SAVES + 1, count: counts.length });
  assert.deepEqual(restarter.all('warning'), []);
});
