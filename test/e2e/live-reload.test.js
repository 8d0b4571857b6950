import assert from 'node:assert/strict';
import { test } from 'node:test';
import { request } from '../helpers/clients.js';
import { setUp } from '../helpers/fixture.js';
import { RawClient } from '../helpers/raw-client.js';
import { Events } from '../helpers/ui.js';

const app = ({ port, version }) => `import http from 'node:http';
import { keep } from 'handover';
keep('visits', () => new Map());
http.createServer((request, response) => {
  request.resume().on('end', () => response.writeHead(200, { 'content-type': 'text/html' }).end('<h1>v${version}</h1>'));
}).listen(${port}, '127.0.0.1');
`;

const PAGE = { accept: 'text/html' };
const TAG = /<script src="(http:\/\/127\.0\.0\.1:\d+\/reload\.js\?token=[\w-]{24})" async><\/script>$/;

test('every generation adds the same script; without --live-reload none does', async (t) => {
  const { port, project, primary } = await setUp(t, (port) => ({ 'app.mjs': app({ port, version: 1 }) }));
  const restarter = primary({ liveReload: true });
  await restarter.warm(1);
  const first = (await request(port, { headers: PAGE })).body;
  const [, src] = TAG.exec(first);
  const events = await Events.open(t, src.replace('/reload.js', '/reload'));
  assert.equal((await events.next('state')).generation, 1);
  project.save('app.mjs', app({ port, version: 2 }));
  assert.equal((await events.next('state')).generation, 2);
  assert.equal((await request(port, { headers: PAGE })).body, first.replace('v1', 'v2'));
  restarter.send({ type: 'ui' });
  assert.equal((await restarter.event('ui')).url, undefined);
  await restarter.stop();
  await events.ended;
  const plain = primary({ ui: 0 });
  await plain.committed(1);
  assert.equal((await request(port, { headers: PAGE })).body, '<h1>v2</h1>');
});

test('a request that goes to the next generation before it is begun gets the script there', async (t) => {
  const { port, project, primary } = await setUp(t, (port) => ({ 'app.mjs': app({ port, version: 1 }) }));
  const restarter = primary({ liveReload: true });
  await restarter.warm(1);
  const client = await RawClient.connect(t, port);
  await client.write('GET / HTTP/1.1\r\nHost: app\r\nAccept: text/html\r\nAccept-Encoding: gzip\r\n');
  project.save('app.mjs', app({ port, version: 2 }));
  await restarter.committed(2);
  await client.write('\r\n');
  await client.got(/<h1>v2<\/h1><script src=/);
});

test('when no port is free handover says so, and starts nothing', async (t) => {
  const { project, handover } = await setUp(t, (port) => ({ 'app.mjs': app({ port, version: 1 }) }));
  // Only root may open a port below 1024; with port 65535 there is one to try.
  const blocker = await import('node:net').then(({ createServer }) => createServer().listen(65_535, '127.0.0.1'));
  t.after(() => blocker.close());
  const running = handover(['--ui=65535', 'app.mjs']);
  await running.exited;
  assert.equal(running.exit.code, 1);
  assert.match(
    running.stderr,
    /^handover: none of the ports 65535 to 65535 could be opened for the page of the restarts/m,
  );
  // Nothing is left that keeps another one from starting.
  const next = handover(['app.mjs'], { cwd: project.dir });
  await next.printed(/generation 1 in/);
});
