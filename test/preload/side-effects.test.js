import { testCases, testMoreCases } from './cases.js';

const clock = `import { EventEmitter } from 'node:events'; export const events = new EventEmitter(); export const state = { ready: false };
const begin = () => { state.ready = true; events.emit('ready'); };`;

/** A dependency gets ready some time after its evaluation; an app module looks and listens while it is evaluated. */
const later = (how) => ({
  app: `import { looked, heard } from './looker.mjs'; const report = async () => [looked, looked || (await heard)];`,
  files: {
    'looker.mjs': `import { events, state } from 'dep'; export const looked = state.ready; export const heard = new Promise((resolve) => events.once('ready', () => resolve('ready')));`,
  },
  esm: { dep: `${clock} ${how}` },
});

testCases({
  'a dependency gets ready in a timer, before which the app has subscribed': later('setTimeout(begin, 1);'),
  'a dependency listens on a port of its own': {
    // A worker is ready with its first listen(): wait for the other one, too.
    app: `import './first.mjs'; import { ask } from 'dep'; import { once } from 'node:events'; const report = () => ask(); SERVE
if (!served.listening) await once(served, 'listening');`,
    files: { 'first.mjs': `export const first = 1;` },
    esm: {
      dep: `import http from 'node:http'; import { text } from 'node:stream/consumers'; import { once } from 'node:events';
const server = http.createServer((request, response) => response.end('from the dependency')).listen(PORT2, '127.0.0.1');
export async function ask() {
  if (!server.listening) await once(server, 'listening');
  const [response] = await once(http.get({ port: PORT2, host: '127.0.0.1', agent: false }), 'response');
  return text(response);
}`,
    },
  },
  'a dependency looks for the main module': {
    app: `require('./first.cjs'); const dep = require('dep'); const report = () => [dep, require.main === module];`,
    entry: 'app.cjs',
    files: { 'first.cjs': `exports.first = 1;` },
    cjs: {
      dep: `const { basename } = require('path'); const name = (module) => module && basename(module.filename || '');
module.exports = [name(require.main), name(process.mainModule), name(module.parent), basename(process.argv[1])];`,
    },
  },
  'a dependency keeps state': {
    app: `import './first.mjs'; import { store } from 'dep'; const report = () => store.hits++ === VERSION - 1;`,
    files: { 'first.mjs': `export const first = 1;` },
    esm: { dep: `import { keep } from 'handover'; export const store = keep('dep', () => ({ hits: 0 }));` },
  },
  'an app in its steps, whose modules set a variable': {
    app: `import { runWorker } from 'handover'; await runWorker({ load: () => import('./main.mjs'), start: (main) => main.start() });`,
    files: {
      'main.mjs': `import './first.mjs'; import { seen } from 'dep'; const report = () => seen; export function start() { SERVE }`,
      'first.mjs': `process.env.API_URL = 'set';`,
    },
    esm: { dep: `export const seen = process.env.API_URL ?? null;` },
    told: /API_URL/,
  },
});

testMoreCases({
  'a dependency forks a child': {
    app: `import { ask } from 'dep'; const report = () => ask();`,
    files: {
      'node_modules/dep/child.cjs': `process.on('message', (message) => process.send({ message, listens: process.env.HANDOVER_WORKER ?? null }));`,
    },
    esm: {
      dep: `import { fork } from 'node:child_process'; import { once } from 'node:events';
const child = fork(new URL('./child.cjs', import.meta.url)); process.on('exit', () => child.kill());
export const ask = async () => { child.send('hello'); return (await once(child, 'message'))[0]; };`,
    },
  },
  'a dependency gets ready in a microtask, before which the app has subscribed': later('queueMicrotask(begin);'),
  'a dependency gets ready in the next tick, before which the app has subscribed': later('process.nextTick(begin);'),
  'a dependency gets ready when it has read a file, before which the app has subscribed': later(
    `import { readFile } from 'node:fs'; readFile('package.json', begin);`,
  ),
  'a dependency starts an interval': {
    app: `import { running } from 'dep'; const report = () => running();`,
    esm: { dep: `const timer = setInterval(() => {}, 1000); export const running = () => timer.hasRef();` },
  },
  'a dependency starts an interval that does not keep the process alive': {
    app: `import './first.mjs'; import { running } from 'dep'; const report = () => running();`,
    files: { 'first.mjs': `export const first = 1;` },
    esm: { dep: `const timer = setInterval(() => {}, 1000).unref(); export const running = () => timer.hasRef();` },
  },
  'a dependency listens on any port': {
    app: `import { server } from 'dep'; import { once } from 'node:events'; const report = () => server.address().port > 0; SERVE
if (!served.listening) await once(served, 'listening');`,
    esm: { dep: `import net from 'node:net'; export const server = net.createServer().listen(0, '127.0.0.1');` },
  },
  'a dependency starts a thread': {
    app: `import { ask } from 'dep'; const report = () => ask();`,
    esm: {
      dep: `import { Worker } from 'node:worker_threads'; import { once } from 'node:events';
const worker = new Worker('const { parentPort } = require("worker_threads"); parentPort.on("message", (message) => parentPort.postMessage(message + 1));', { eval: true });
worker.unref(); export const ask = async () => { worker.postMessage(1); return (await once(worker, 'message'))[0]; };`,
    },
  },
  'the app starts a thread that imports the dependency': {
    app: `import './first.mjs'; import { seen } from 'dep'; import { Worker } from 'node:worker_threads'; import { once } from 'node:events';
const [inThread] = await once(new Worker(new URL('./thread.mjs', import.meta.url)), 'message'); const report = () => [seen, inThread];`,
    files: {
      'first.mjs': `export const first = 1;`,
      'thread.mjs': `import { seen } from 'dep'; import { parentPort } from 'node:worker_threads'; parentPort.postMessage(seen);`,
    },
    esm: { dep: `import { isMainThread } from 'node:worker_threads'; export const seen = isMainThread;` },
  },
  'a dependency prints': {
    app: `import './first.mjs'; import { printed } from 'dep'; const report = () => printed;`,
    files: { 'first.mjs': `export const first = 1;` },
    esm: { dep: `console.log('from the dependency'); export const printed = true;` },
  },
  'a dependency writes to a file': {
    app: `import { writes } from 'dep'; import { readFileSync } from 'node:fs'; const report = () => [writes, readFileSync('dep.log', 'utf8').includes('pid ' + process.pid + ' ')];`,
    esm: {
      dep: `import { appendFileSync } from 'node:fs'; appendFileSync('dep.log', 'pid ' + process.pid + ' '); export const writes = 1;`,
    },
  },
  'a dependency of an ESM app looks for the main module': {
    app: `import './first.mjs'; import dep from 'dep'; const report = () => dep;`,
    files: { 'first.mjs': `export const first = 1;` },
    cjs: {
      dep: `module.exports = [typeof require.main, typeof process.mainModule, typeof module.parent, require('path').basename(process.argv[1])];`,
    },
  },
  'a dependency looks at who requires it': {
    app: `require('./first.cjs'); const report = () => require('dep');`,
    entry: 'app.cjs',
    files: { 'first.cjs': `require('dep');` },
    cjs: { dep: `module.exports = [require('path').basename(module.parent.filename), module.parent.children.length];` },
  },
  'the app looks at the children of its module': {
    app: `require('./first.cjs'); require('dep'); const report = () => module.children.map(({ filename }) => require('path').basename(require('path').dirname(filename))).slice(1);`,
    entry: 'app.cjs',
    files: { 'first.cjs': `exports.first = 1;` },
    cjs: { dep: `module.exports = 1;` },
  },
  'a dependency reads the options and the arguments of the process': {
    app: `import './first.mjs'; import { seen } from 'dep'; const report = () => seen;`,
    files: { 'first.mjs': `export const first = 1;` },
    esm: {
      dep: `export const seen = [process.argv.length, process.execArgv, process.argv0 === process.execPath || 'node'];`,
    },
  },
  'a dependency registers what is to be shut down': {
    app: `import './first.mjs'; import { remove } from 'dep'; const report = () => typeof remove;`,
    files: { 'first.mjs': `export const first = 1;` },
    esm: { dep: `import { onShutdown } from 'handover'; export const remove = onShutdown('dep', { stop() {} });` },
  },
  'an app in its steps': {
    app: `import { runWorker } from 'handover'; await runWorker({ load: () => import('./main.mjs'), start: (main) => main.start() });`,
    files: {
      'main.mjs': `import './first.mjs'; import { seen } from 'dep'; const report = () => seen; export function start() { SERVE }`,
      'first.mjs': `export const first = 1;`,
    },
    esm: { dep: `export const seen = process.env.API_URL ?? null;` },
    preloads: 'all',
  },
});
