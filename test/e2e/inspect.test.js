import assert from 'node:assert/strict';
import http from 'node:http';
import { test } from 'node:test';
import { WebSocket } from 'ws';
import { counter } from '../helpers/apps.js';
import { request } from '../helpers/clients.js';
import { Debugger } from '../helpers/debugger.js';
import { setUp } from '../helpers/fixture.js';

/** Its line 8 answers GET /. */
const app = ({ port, version = 1, extra = '' }) => `import http from 'node:http';
import { keep } from 'handover';
const state = keep('state', () => ({ count: 0 }));
http
  .createServer((request, response) => {
    const count = ++state.count;
    const version = ${version};
    response.end(JSON.stringify({ version, count, pid: process.pid }));
  })
  .listen(${port}, '127.0.0.1');
${extra}
`;

async function start(t, files, flags = ['--inspect=0'], entry = 'app.mjs') {
  const { project, port, handover, load } = await setUp(t, (port) =>
    typeof files === 'function' ? files(port) : files,
  );
  const run = handover([...flags, entry]);
  const [, url] = await run.printed(/^Debugger listening on (ws:\S+)$/m);
  return { project, port, run, url, load };
}

const get = async (port) => JSON.parse((await request(port)).body);

/** A request that a breakpoint pauses, and that then goes on: the pause, and the answer. */
async function passBreakpoint(it, port) {
  const pausing = it.nextPause();
  const answer = get(port);
  const pause = await pausing;
  await it.resume();
  return { pause, answer: await answer };
}

test('a debugger stays attached over restarts, and its breakpoints hold', async (t) => {
  const { project, port, run, url } = await start(t, (port) => ({ 'app.mjs': app({ port }) }));
  await run.printed(/generation 1 in/);
  const it = await Debugger.attach(t, url);
  await it.breakpoint('app.mjs', 8);
  const pids = [];
  for (const version of [1, 2, 3]) {
    if (version > 1) {
      project.save('app.mjs', app({ port, version }));
      await run.printed(new RegExp(`generation ${version} in`));
    }
    const pausing = it.nextPause();
    const answer = get(port);
    const pause = await pausing;
    assert.equal(await it.evaluateHere(pause, 'version'), version);
    assert.equal(pause.hitBreakpoints.length, 1);
    await it.resume();
    const { pid, count } = await answer;
    pids.push(pid);
    assert.equal(count, version);
    assert.equal(await it.evaluate('process.pid'), pids.at(-1));
  }
  assert.equal(new Set(pids).size, 3);
  assert.equal(it.cleared, 2);
});

test('a breakpoint in a script by its id is one of its URL in the next process, under the same id', async (t) => {
  const { project, port, run, url } = await start(t, (port) => ({ 'app.mjs': app({ port }) }));
  await run.printed(/generation 1 in/);
  const it = await Debugger.attach(t, url);
  const location = { scriptId: it.scriptId(/\/app\.mjs$/), lineNumber: 7 };
  const { breakpointId } = await it.client.Debugger.setBreakpoint({ location, condition: 'version > 0' });
  for (const version of [2, 3]) {
    project.save('app.mjs', app({ port, version }));
    await run.printed(new RegExp(`generation ${version} in`));
    const { pause, answer } = await passBreakpoint(it, port);
    assert.deepEqual(pause.hitBreakpoints, [breakpointId]);
    assert.equal(answer.version, version);
  }
  await it.client.Debugger.removeBreakpoint({ breakpointId });
  assert.equal((await get(port)).version, 3);
  project.save('app.mjs', app({ port, version: 4 }));
  await run.printed(/generation 4 in/);
  assert.equal((await get(port)).version, 4);
  assert.equal(it.paused.length, 2);
});

test('a breakpoint that was removed is not set again, and what is set survives, too', async (t) => {
  const { project, port, run, url } = await start(t, (port) => ({ 'app.mjs': app({ port }) }));
  await run.printed(/generation 1 in/);
  const it = await Debugger.attach(t, url);
  const { breakpointId } = await it.breakpoint('app.mjs', 8);
  await it.client.Debugger.removeBreakpoint({ breakpointId });
  await it.breakpoint('app.mjs', 6);
  await it.client.Debugger.setBreakpointsActive({ active: false });
  project.save('app.mjs', app({ port, version: 2 }));
  await run.printed(/generation 2 in/);
  assert.equal((await get(port)).version, 2);
  assert.equal(it.paused.length, 0);
  await it.client.Debugger.setBreakpointsActive({ active: true });
  const { pause } = await passBreakpoint(it, port);
  assert.equal(pause.callFrames[0].location.lineNumber, 5);
  assert.match(it.urlOf(pause), /\/app\.mjs$/);
  assert.equal(it.paused.length, 1);
});

test('a save while a request is paused at a breakpoint: it is answered, and the new code serves', async (t) => {
  const { project, port, run, url } = await start(t, (port) => ({ 'app.mjs': app({ port }) }));
  await run.printed(/generation 1 in/);
  const it = await Debugger.attach(t, url);
  await it.breakpoint('app.mjs', 8);
  const pausing = it.nextPause();
  const answer = get(port);
  await pausing;
  const [resumed, cleared] = [it.next('resumed'), it.next('cleared')];
  project.save('app.mjs', app({ port, version: 2 }));
  await Promise.all([resumed, cleared]);
  assert.deepEqual((({ version, count }) => ({ version, count }))(await answer), { version: 1, count: 1 });
  await run.printed(/generation 2 in/);
  assert.equal((await passBreakpoint(it, port)).answer.count, 2);
});

test('with a debugger attached clients notice nothing, either', async (t) => {
  const { project, port, run, url, load } = await start(t, (port) => ({ 'app.mjs': counter({ port }) }));
  await run.printed(/generation 1 in/);
  const it = await Debugger.attach(t, url);
  const clients = load();
  for (const version of [2, 3, 4]) {
    await clients.more(100);
    project.save('app.mjs', counter({ port, version }));
    await run.printed(new RegExp(`generation ${version} in`));
    assert.equal(await it.evaluate('process.pid'), (await get(port)).pid);
  }
  await clients.more(100);
  await clients.stop();
  assert.deepEqual(clients.failures, []);
  assert.equal((await get(port)).count, clients.acknowledged);
});

test('a command that the old process did not answer is refused', async (t) => {
  const { project, port, run, url } = await start(t, (port) => ({ 'app.mjs': app({ port }) }));
  await run.printed(/generation 1 in/);
  const it = await Debugger.attach(t, url);
  const endless = it.client.Runtime.evaluate({ expression: 'new Promise(() => {})', awaitPromise: true });
  const refused = assert.rejects(endless, /the process of Runtime\.evaluate was replaced/);
  project.save('app.mjs', app({ port, version: 2 }));
  await refused;
  await run.printed(/generation 2 in/);
  assert.equal((await get(port)).version, 2);
});

test('a start that is paused longer than readyTimeout has not failed', async (t) => {
  const flags = ['--inspect=0', '--ready-timeout=3s'];
  const { project, port, run, url } = await start(t, (port) => ({ 'app.mjs': app({ port }) }), flags);
  await run.printed(/generation 1 in/);
  const it = await Debugger.attach(t, url);
  await it.breakpoint('app.mjs', 3);
  const pausing = it.nextPause();
  project.save('app.mjs', app({ port, version: 2 }));
  await pausing;
  // The time that a person takes.
  await new Promise((resolve) => setTimeout(resolve, 4000));
  assert.equal((await get(port)).version, 1);
  await it.resume();
  await run.printed(/generation 2 in/);
  assert.equal((await get(port)).version, 2);
  assert.doesNotMatch(run.stderr, /failed to start/);
});

test('a failed start gives the debugger back to the generation that serves on', async (t) => {
  const { project, port, run, url } = await start(t, (port) => ({ 'app.mjs': app({ port }) }));
  await run.printed(/generation 1 in/);
  const it = await Debugger.attach(t, url);
  const { pid } = await get(port);
  await it.breakpoint('app.mjs', 8);
  project.save('app.mjs', 'throw new Error("no");');
  await run.printed(/generation 1 keeps serving/);
  assert.equal(await it.evaluate('process.pid'), pid);
  assert.equal((await passBreakpoint(it, port)).answer.pid, pid);
});

test('a crash ends at once, and the debugger goes on in the generation that replaces it', async (t) => {
  const { port, run, url } = await start(t, (port) => ({
    'app.mjs': app({ port, extra: "process.on('SIGUSR2', () => { throw new Error('crash'); });" }),
  }));
  await run.printed(/generation 1 in/);
  const it = await Debugger.attach(t, url);
  const { pid } = await get(port);
  await it.breakpoint('app.mjs', 8);
  process.kill(pid, 'SIGUSR2');
  await run.printed(/generation 2 in/);
  assert.notEqual((await passBreakpoint(it, port)).answer.pid, pid);
});

test('two debuggers at once, one of which leaves', async (t) => {
  const { project, port, run, url } = await start(t, (port) => ({ 'app.mjs': app({ port }) }));
  await run.printed(/generation 1 in/);
  const [one, two] = [await Debugger.attach(t, url), await Debugger.attach(t, url)];
  assert.equal(await one.evaluate('process.pid'), await two.evaluate('process.pid'));
  await one.client.close();
  await two.breakpoint('app.mjs', 8);
  project.save('app.mjs', app({ port, version: 2 }));
  await run.printed(/generation 2 in/);
  assert.equal((await passBreakpoint(two, port)).answer.version, 2);
});

test('Ctrl+C ends an app that is paused at a breakpoint', async (t) => {
  const { port, run, url } = await start(t, (port) => ({ 'app.mjs': app({ port }) }));
  await run.printed(/generation 1 in/);
  const it = await Debugger.attach(t, url);
  await it.breakpoint('app.mjs', 8);
  const pausing = it.nextPause();
  const answer = get(port);
  await pausing;
  const { signal } = await run.signal('SIGINT');
  assert.equal(signal, 'SIGINT');
  assert.equal((await answer).count, 1);
  await it.ended;
});

for (const [entry, source] of Object.entries({
  'app.mjs': app,
  'app.cjs': (options) =>
    app(options)
      .replace("import http from 'node:http'", "const http = require('node:http')")
      .replace("import { keep } from 'handover'", "const { keep } = require('handover')"),
  'app.ts': app,
})) {
  const isRequired = entry.endsWith('.cjs') && !process.features.require_module;
  test(`--inspect-brk: ${entry} waits for a debugger and breaks at its first line, in each generation`, async (t) => {
    if (isRequired) {
      t.skip("this Node.js can't require() an ES module");
      return;
    }
    const files = (port) => ({ [entry]: source({ port }) });
    const { project, port, run, url } = await start(t, files, ['--inspect-brk=0'], entry);
    await run.printed(/generation 1 waits for a debugger to attach/);
    const it = await Debugger.attach(t, url, { run: false });
    for (const version of [1, 2]) {
      const pausing = it.nextPause();
      if (version === 1) await it.run();
      else project.save(entry, source({ port, version }));
      const pause = await pausing;
      assert.equal(pause.reason, 'Break on start');
      assert.deepEqual(pause.hitBreakpoints, []);
      assert.match(it.urlOf(pause), new RegExp(`/${entry.replace('.', '\\.')}`));
      await it.resume();
      await run.printed(new RegExp(`generation ${version} in`));
      assert.equal((await get(port)).version, version);
    }
  });
}

test('--inspect-brk: a change while it waits, and Ctrl+C', async (t) => {
  const { project, port, run, url } = await start(t, (port) => ({ 'app.mjs': app({ port }) }), ['--inspect-brk=0']);
  await run.printed(/generation 1 waits for a debugger to attach/);
  const since = run.stderr.length;
  project.save('app.mjs', app({ port, version: 2 }));
  await run.printed(/generation 1 waits for a debugger to attach/, { since });
  const it = await Debugger.attach(t, url);
  await it.nextPause();
  await it.resume();
  await run.printed(/generation 1 in/);
  assert.equal((await get(port)).version, 2);
  await it.client.close();
  project.save('app.mjs', app({ port, version: 3 }));
  await run.printed(/generation 2 waits for a debugger to attach/);
  assert.equal((await get(port)).version, 2);
  assert.equal((await run.signal('SIGINT')).signal, 'SIGINT');
});

test('it is found as the inspector of Node.js is, by nobody from another host', async (t) => {
  const { run, url } = await start(t, (port) => ({ 'app.mjs': app({ port }) }));
  await run.printed(/generation 1 in/);
  const { port, pathname, host } = new URL(url);
  const ask = (path, headers) =>
    new Promise((resolve, reject) => {
      http
        .get({ host: '127.0.0.1', port, path, headers }, async (response) => {
          const chunks = await response.toArray();
          resolve({ status: response.statusCode, body: Buffer.concat(chunks).toString() });
        })
        .on('error', reject);
    });
  const [target] = JSON.parse((await ask('/json/list')).body);
  assert.equal(target.webSocketDebuggerUrl, url);
  assert.equal(target.title, 'app.mjs');
  assert.match(target.devtoolsFrontendUrl, new RegExp(`ws=${host}${pathname}$`));
  assert.equal(JSON.parse((await ask('/json/version')).body).Browser, `node.js/${process.version}`);
  assert.ok(JSON.parse((await ask('/json/protocol')).body).domains.length > 5);
  assert.equal((await ask('/json/list', { host: 'localhost:9229' })).status, 200);
  assert.equal((await ask('/json/list', { host: 'attacker.example:9229' })).status, 400);
  assert.equal((await ask('/other')).status, 404);
  const refused = (address, options) =>
    new Promise((resolve) => {
      const socket = new WebSocket(address, options);
      socket.on('error', resolve);
      socket.on('open', () => resolve(undefined));
    });
  assert.match(String(await refused(`ws://${host}/${'0'.repeat(36)}`)), /400/);
  assert.match(String(await refused(url, { headers: { host: 'attacker.example' } })), /400/);
});

test('an address that is taken is told, and nothing is started', async (t) => {
  const taken = http.createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => taken.once('listening', resolve));
  t.after(() => taken.close());
  const { handover } = await setUp(t, (port) => ({ 'app.mjs': counter({ port }) }));
  const { port } = taken.address();
  const run = handover([`--inspect=${port}`, 'app.mjs']);
  assert.deepEqual(await run.exited, { code: 1, signal: null });
  assert.match(run.stderr, new RegExp(`127\\.0\\.0\\.1:${port} \\(EADDRINUSE\\).*--inspect=${port + 1}`));
});
