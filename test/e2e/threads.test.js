import assert from 'node:assert/strict';
import { test } from 'node:test';
import { request } from '../helpers/clients.js';
import { setUp } from '../helpers/fixture.js';

/** Node tells what threads load from version 24 on. */
const TELLS = Number(process.versions.node.split('.')[0]) >= 24;

/** Answers with all that its thread has said, once that has said the last of it. */
const app = (
  port,
) => `import http from 'node:http'; import { once } from 'node:events'; import { Worker } from 'node:worker_threads';
const said = [process.execArgv];
const thread = new Worker(new URL('thread.mjs', import.meta.url)).on('message', (message) => said.push(message));
while (said.at(-1) !== 'all') await once(thread, 'message');
http.createServer((request, response) => response.end(JSON.stringify(said))).listen(${port}, '127.0.0.1');
`;

/** Has a thread of its own, and passes on what that says. */
const OUTER = `import { Worker, parentPort } from 'node:worker_threads';
parentPort.postMessage({ outer: process.execArgv });
new Worker(new URL('inner.cjs', import.meta.url)).on('message', (message) => parentPort.postMessage(message));
`;
const inner = (version) => `const { parentPort } = require('node:worker_threads');
parentPort.postMessage({ inner: process.execArgv, version: ${version}, text: require('./text.cjs') });
parentPort.postMessage('all');
`;

test('an app gets from its threads what these say, and nothing else; what they have loaded is watched', async (t) => {
  const { port, project, primary } = await setUp(t, (port) => ({
    'app.mjs': app(port),
    'thread.mjs': OUTER,
    'inner.cjs': inner(1),
    'text.cjs': `module.exports = 'one';`,
  }));
  const restarter = primary();
  await restarter.warm(1);
  const said = async () => JSON.parse((await request(port)).body);
  assert.deepEqual(await said(), [[], { outer: [] }, { inner: [], version: 1, text: 'one' }, 'all']);
  if (!TELLS) return;
  project.save('inner.cjs', inner(2));
  await restarter.committed(2);
  assert.equal((await said())[2].version, 2);
  project.save('text.cjs', `module.exports = 'two';`);
  await restarter.committed(3);
  assert.equal((await said())[2].text, 'two');
});

test('a file that only a thread loads, after the app serves, restarts it once', { skip: !TELLS }, async (t) => {
  const source = (port, version) => `import http from 'node:http'; import { Worker } from 'node:worker_threads';
new Worker(new URL('thread.mjs', import.meta.url)).on('message', (message) => console.log(message));
http.createServer((request, response) => response.end('${version}')).listen(${port}, '127.0.0.1');
`;
  const thread = (version) =>
    `import { parentPort } from 'node:worker_threads'; parentPort.postMessage('thread ${version}');`;
  const { port, project, primary } = await setUp(t, (port) => ({
    'app.mjs': source(port, 1),
    'thread.mjs': thread(1),
  }));
  const restarter = primary();
  await restarter.warm(1);
  await restarter.printed(/thread 1\n/);
  for (const version of [2, 3, 4]) {
    project.save('thread.mjs', thread(version));
    await restarter.warm(version);
    await restarter.printed(new RegExp(`thread ${version}\n`));
  }
  project.save('app.mjs', source(port, 5));
  await restarter.event('receipt', ({ generation }) => generation === 5);
  const reasons = restarter
    .all('receipt')
    .map(({ reason }) => reason.map((file) => file.slice(project.dir.length + 1)));
  assert.deepEqual(reasons, [[], ['thread.mjs'], ['thread.mjs'], ['thread.mjs'], ['app.mjs']]);
});
