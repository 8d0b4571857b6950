import assert from 'node:assert/strict';
import http from 'node:http';
import { test } from 'node:test';
import { EventSource } from 'eventsource';
import { request } from '../helpers/clients.js';
import { setUp } from '../helpers/fixture.js';
import { RawClient } from '../helpers/raw-client.js';

const RESTARTS = 10;

/** How an app writes a stream of events; `send` gets the text of one. */
const STREAMS = {
  'writeHead() of node:http': `const open = (request, response) => {
  response.writeHead(200, { 'Content-Type': 'text/event-stream; charset=utf-8', 'cache-control': 'no-store' });
  response.write(': hello\\n\\n');
  return (text) => response.write(text);
};
const listener = (request, response) => handle(request, response);`,
  Express: `import express from 'express';
const open = (request, response) => {
  response.set('content-type', 'text/event-stream').flushHeaders();
  return (text) => response.write(text);
};
const listener = express().use((request, response) => handle(request, response));`,
  'Express with compression()': `import express from 'express'; import compression from 'compression';
const open = (request, response) => {
  response.set('content-type', 'text/event-stream').write(': hello\\n\\n');
  response.flush();
  return (text) => { response.write(text); response.flush(); };
};
const listener = express().use(compression({ filter: () => true }), (request, response) => handle(request, response));`,
  'gzip by hand': `import zlib from 'node:zlib';
const open = (request, response) => {
  response.writeHead(200, { 'content-type': 'text/event-stream', 'content-encoding': 'gzip' });
  const gzip = zlib.createGzip({ flush: zlib.constants.Z_SYNC_FLUSH });
  gzip.pipe(response);
  // What we can't tell the client in there, the app does.
  gzip.write('retry: 50\\n\\n');
  return (text) => gzip.write(text);
};
const listener = (request, response) => handle(request, response);`,
};

/** POST is an event, which every stream gets; a stream begins behind the event that its client has seen last. */
const app = ({ port, version, stream }) => `import http from 'node:http'; import { keep } from 'handover';
const log = keep('log', () => []);
const streams = new Set();
const format = (id) => 'id: ' + id + '\\ndata: v${version} ' + log[id - 1] + '\\n\\n';
function handle(request, response) {
  if (request.method === 'POST') {
    let text = '';
    request.on('data', (chunk) => (text += chunk)).on('end', () => {
      const id = log.push(text);
      for (const send of streams) send(format(id));
      response.end(String(id));
    });
    return;
  }
  const send = open(request, response);
  for (let id = Number(request.headers['last-event-id'] ?? 0) + 1; id <= log.length; id++) send(format(id));
  streams.add(send);
  request.on('close', () => streams.delete(send));
}
${stream}
http.createServer(listener).listen(${port}, '127.0.0.1');
`;

for (const [name, stream] of Object.entries(STREAMS)) {
  test(`${name}: EventSource sees every event once and in order over ${RESTARTS} restarts`, async (t) => {
    const { port, project, primary, load } = await setUp(t, (port) => ({
      'app.mjs': app({ port, version: 1, stream }),
    }));
    project.install('compression');
    const restarter = primary({ quiesceTimeout: '60s' });
    await restarter.warm(1);
    const source = new EventSource(`http://127.0.0.1:${port}/`);
    t.after(() => source.close());
    const seen = [];
    const waiters = new Set();
    source.addEventListener('message', ({ lastEventId, data }) => {
      seen.push({ id: Number(lastEventId), version: /^v(\d+)/.exec(data)[1] });
      for (const check of waiters) if (check()) waiters.delete(check);
    });
    const until = (passes) =>
      new Promise((resolve) => {
        const check = () => passes() && (resolve(), true);
        if (!check()) waiters.add(check);
      });
    const publishers = load({ clients: 2 });
    await until(() => seen.length > 0);
    const pauses = [];
    for (let version = 2; version <= RESTARTS + 1; version++) {
      project.save('app.mjs', app({ port, version, stream }));
      const { pauseMs } = await restarter.committed(version);
      assert.ok(pauseMs < 30_000, 'the stream was not waited for');
      pauses.push(pauseMs);
      await until(() => seen.at(-1).version === String(version));
    }
    // Nor for a shorter time; a busy machine may take as long by itself now and then.
    assert.ok(pauses.toSorted((a, b) => a - b)[RESTARTS / 2] < 900, String(pauses));
    await publishers.stop();
    assert.deepEqual(publishers.failures, []);
    await until(() => seen.at(-1).id === publishers.acknowledged);
    assert.deepEqual(
      seen.map(({ id }) => id),
      Array.from({ length: publishers.acknowledged }, (_, index) => index + 1),
    );
  });
}

test('a client is told to come back at once, and gets no event that was not whole', async (t) => {
  const source = (port, version) => `import http from 'node:http';
http.createServer((request, response) => {
  response.writeHead(200, { 'content-type': 'text/event-stream' });
  response.write('id: 1\\ndata: whole\\n\\nid: 2\\ndata: in ha');
  // It goes on writing into what has been ended.
  setInterval(() => response.write('lves'), 1000);
  console.log('v${version} streams');
}).listen(${port}, '127.0.0.1');`;
  const { port, project, primary } = await setUp(t, (port) => ({ 'app.mjs': source(port, 1) }));
  const restarter = primary();
  await restarter.warm(1);
  const client = await RawClient.connect(t, port);
  await client.write('GET / HTTP/1.1\r\nHost: app\r\n\r\n');
  await client.got(/in ha/);
  project.save('app.mjs', source(port, 2));
  await client.got(/in ha\r\n[^]*retry: 100\n\r\n0\r\n\r\n$/);
  assert.doesNotMatch(client.text, /\n\n[^]*\n\n/, 'the second event has no end, so that it is none');
  const { ended, report } = await restarter.event('drained');
  assert.deepEqual([ended, report], [true, []]);
  const since = restarter.stdout.length;
  await client.write('GET / HTTP/1.1\r\nHost: app\r\n\r\n');
  await restarter.printed(/v2 streams/, { since });
});

test('an app that writes into a stream whose reader is slow does not fail by its end', async (t) => {
  const source = (port, version) => `import http from 'node:http';
http.createServer((request, response) => {
  if (request.url === '/') return response.end('v${version}');
  response.writeHead(200, { 'content-type': 'text/event-stream' });
  // More than the kernel takes.
  response.write('data: ' + 'x'.repeat(20_000_000) + '\\n\\n');
  setInterval(() => response.write('data: more\\n\\n'), 1);
  console.log('streams');
}).listen(${port}, '127.0.0.1');`;
  const { port, project, primary } = await setUp(t, (port) => ({ 'app.mjs': source(port, 1) }));
  const restarter = primary();
  await restarter.warm(1);
  const stream = await new Promise((resolve) =>
    http.get({ port, host: '127.0.0.1', path: '/events', agent: false }, resolve),
  );
  await restarter.printed(/streams/);
  project.save('app.mjs', source(port, 2));
  await restarter.committed(2);
  assert.equal((await request(port)).body, 'v2');
  let length = 0;
  for await (const chunk of stream) length += chunk.length;
  assert.ok(length > 20_000_000, 'all that was written before is read');
  assert.equal(stream.complete, true);
  const { ended, report } = await restarter.event('drained');
  assert.deepEqual([ended, report], [true, []]);
  assert.doesNotMatch(restarter.output, /write after end/);
});
