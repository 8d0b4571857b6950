/** Sources of small apps. Each takes what a test wants to vary; `version` is what its answers show. */

/** Counts POSTs in kept state; GET tells version, generation's pid and count. */
export function counter({ version = 1, port, extra = '' }) {
  return `import http from 'node:http';
import { keep } from 'handover';
const state = keep('state', () => ({ count: 0 }));
const server = http.createServer((request, response) => {
  if (request.method === 'POST') request.resume().on('end', () => response.end(String(++state.count)));
  else response.end(JSON.stringify({ version: ${JSON.stringify(version)}, pid: process.pid, count: state.count }));
});
${extra}
server.listen(${port}, '127.0.0.1');
`;
}

/** An app that knows nothing of handover. */
export function express({ version = 1, port }) {
  return `import express from 'express';
const app = express();
app.get('/', (request, response) => response.send('version ${version}'));
app.listen(${port}, '127.0.0.1');
`;
}

/** An entry with runPrimary() and runWorker(), and the app it loads. */
export function entryForm({ version = 1, port }) {
  return {
    'entry.mjs': `import cluster from 'node:cluster';
import { runPrimary, runWorker } from 'handover';
if (cluster.isPrimary && process.env.NODE_ENV !== 'production') {
  await runPrimary({ watch: ['app.mjs'] });
} else {
  await runWorker({
    load: () => import('./app.mjs'),
    prepare: (app) => app.prepare(),
    start: (app, { state, isRestart, generation }) => app.listen(${port}, state, { isRestart, generation }),
    save: (app) => app.state,
  });
}
`,
    'app.mjs': `import http from 'node:http';
export let state = { count: 0 };
let prepared = false;
export async function prepare() { prepared = true; }
export function listen(port, saved, context) {
  if (saved) state = saved;
  const server = http.createServer((request, response) => {
    if (request.method === 'POST') request.resume().on('end', () => response.end(String(++state.count)));
    else response.end(JSON.stringify({ version: ${JSON.stringify(version)}, count: state.count, prepared, ...context }));
  });
  return new Promise((resolve) => server.listen(port, '127.0.0.1', resolve));
}
`,
  };
}
