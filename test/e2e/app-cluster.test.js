import assert from 'node:assert/strict';
import { once } from 'node:events';
import http from 'node:http';
import { test } from 'node:test';
import { entryForm } from '../helpers/apps.js';
import { request } from '../helpers/clients.js';
import { setUp } from '../helpers/fixture.js';
import { gone } from '../helpers/process.js';

/** Two workers of its own, one of which answers; a slow answer waits for a POST. */
const clusterApp = ({ version = 1, port }) => `import cluster from 'node:cluster'; import http from 'node:http';
if (cluster.isPrimary) {
  for (let i = 0; i < 2; i++) cluster.fork();
  cluster.on('exit', () => cluster.fork());
  cluster.on('listening', ({ process: { pid } }) => console.log('worker', pid));
} else {
  http.createServer((request, response) => {
    response.setHeader('connection', 'close');
    if (request.url === '/slow') {
      response.write('version ${version}');
      request.resume().on('end', () => response.end(' to its end'));
    } else response.end('version ${version}');
  }).listen(${port}, '127.0.0.1');
}
`;

test("an app's own cluster is replaced as a whole; what it has begun it finishes, and no process stays", async (t) => {
  const { port, project, handover } = await setUp(t, (port) => ({ 'app.mjs': clusterApp({ port }) }));
  const app = handover(['app.mjs']);
  await app.printed(/worker \d+\n(?:.*\n)*?worker \d+\n/);
  assert.equal((await request(port)).body, 'version 1');
  const slow = http.request({ port, host: '127.0.0.1', path: '/slow', method: 'POST' });
  slow.flushHeaders();
  const [response] = await once(slow, 'response');
  project.save('app.mjs', clusterApp({ port, version: 2 }));
  await app.printed(/generation 2 in/);
  const bodies = await Promise.all(Array.from({ length: 20 }, async () => (await request(port)).body));
  assert.deepEqual(new Set(bodies), new Set(['version 2']));
  slow.end();
  assert.equal((await response.setEncoding('utf8').toArray()).join(''), 'version 1 to its end');
  await app.signal('SIGTERM');
  await gone([...app.stdout.matchAll(/worker (\d+)/g)].map(([, pid]) => Number(pid)));
});

test('an entry that calls runPrimary() is run by the command line tool, too', async (t) => {
  const { port, project, handover } = await setUp(t, (port) => entryForm({ port }));
  const app = handover(['entry.mjs']);
  await app.printed(/generation 1 in /);
  await request(port, { method: 'POST' });
  project.save('app.mjs', entryForm({ port, version: 2 })['app.mjs']);
  await app.printed(/generation 2 in /);
  const { version, count } = JSON.parse((await request(port)).body);
  assert.deepEqual({ version, count }, { version: 2, count: 1 });
});
