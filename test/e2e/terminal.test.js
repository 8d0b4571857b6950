import assert from 'node:assert/strict';
import { test } from 'node:test';
import { counter } from '../helpers/apps.js';
import { request } from '../helpers/clients.js';
import { setUp } from '../helpers/fixture.js';

const occurrences = (text, part) => text.split(part).length - 1;

test('a failed start shows its error once, with file, line and code frame, and what serves', async (t) => {
  const { port, project, handover } = await setUp(t, (port) => ({ 'app.mjs': counter({ port }), 'lib.mjs': '' }));
  const app = handover(['app.mjs']);
  await app.printed(/generation 1 in/);
  project.save('app.mjs', counter({ port, extra: 'const port = settings.port;' }));
  await app.printed(/generation 1 keeps serving; the next save tries again/);
  assert.equal(occurrences(app.stderr, 'settings is not defined'), 1);
  assert.match(app.stderr, /✗ app\.mjs:\d+:14 generation 2 failed to start: ReferenceError: settings is not defined/);
  assert.match(app.stderr, /> *\d+ \| const port = settings\.port;\n.*\^/);
  assert.equal((await request(port)).status, 200);
});

for (const [name, entry] of [
  ['an ES module', 'app.mjs'],
  ['a CommonJS module', 'app.cjs'],
]) {
  test(`a syntax error in ${name} is located`, async (t) => {
    const { handover } = await setUp(t, { [entry]: 'const a = 1;\nconst b = = 2;\n' });
    const app = handover([entry]);
    await app.printed(/nothing is serving/);
    assert.match(
      app.stderr,
      new RegExp(
        `✗ ${entry.replace('.', '\\.')}:2(:11)? generation 1 failed to start: SyntaxError: Unexpected token '='`,
      ),
    );
    assert.match(app.stderr, /> *2 \| const b = = 2;/);
    assert.equal(occurrences(app.stderr, 'SyntaxError'), 1);
  });
}

test('a start that takes long is told of while it lasts', async (t) => {
  const { handover } = await setUp(t, {
    'app.mjs': `await new Promise((resolve) => setTimeout(resolve, 60_000));`,
  });
  const app = handover(['app.mjs']);
  await app.printed(/… generation 1 is still starting/);
});

test('--json: each event is a line of JSON with its name and time, and nothing else is said', async (t) => {
  const { port, project, handover } = await setUp(t, (port) => ({ 'app.mjs': counter({ port }) }));
  const app = handover(['--json', '--ui=0', 'app.mjs']);
  await app.printed(/"event":"receipt".*"generation":1\b/);
  project.save('app.mjs', 'let = ;');
  await app.printed(/"event":"rolledBack"/);
  project.save('app.mjs', counter({ port, version: 2 }));
  await app.printed(/"event":"receipt".*"generation":2\b/);
  assert.equal((await app.signal('SIGTERM')).code ?? 0, 0);
  const events = app.stderr
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
  for (const { time } of events) assert.ok(!Number.isNaN(Date.parse(time)), time);
  assert.match(events.find(({ event }) => event === 'page').url, /^http:\/\/127\.0\.0\.1:\d+\/\?token=[\w-]{24}$/);
  const { error, serving } = events.find(({ event }) => event === 'rolledBack');
  assert.deepEqual({ name: error.name, serving }, { name: 'SyntaxError', serving: 1 });
  const receipt = events.findLast(({ event }) => event === 'receipt');
  assert.deepEqual(
    { ...receipt, time: 0, phases: 0, totalMs: 0, pauseMs: 0, longestHoldMs: 0, stateBytes: 0, stateKeys: 0 },
    {
      event: 'receipt',
      time: 0,
      reason: [project.path('app.mjs')],
      generation: 2,
      totalMs: 0,
      phases: 0,
      pauseMs: 0,
      connectionsMoved: 0,
      held: 0,
      longestHoldMs: 0,
      stateBytes: 0,
      stateKeys: 0,
    },
  );
  assert.deepEqual(
    receipt.stateKeys.map(({ key }) => key),
    ['state'],
  );
  assert.equal(events.at(-1).event, 'stopped');
});

test('a receipt tells the file, the generation, the time and what it cost', async (t) => {
  const { port, project, handover } = await setUp(t, (port) => ({ 'app.mjs': counter({ port }) }));
  const app = handover(['app.mjs']);
  await app.printed(/generation 1 in/);
  project.save('app.mjs', counter({ port, version: 2 }));
  await app.printed(/↻ app\.mjs → generation 2 in \d+ ms \(.*pause \d+\).* · state \d+ B\n/);
  assert.doesNotMatch(app.stderr, /\u001b/, 'no colours when it is no terminal');
});

test('a value that cannot be carried is named by its path, and the rest survives', async (t) => {
  const app = (port, extra) => `import http from 'node:http'; import { keep } from 'handover';
const sessions = keep('sessions', () => new Map([['a', { socket: null, name: 'Ann' }]]));
${extra}
http.createServer((request, response) => { if (request.url === '/spoil') Object.assign(sessions.get('a'), { socket: request.socket, password: request.headers.password }); response.end(JSON.stringify(sessions.get('a').name)); }).listen(${port}, '127.0.0.1');`;
  const { port, project, handover } = await setUp(t, (port) => ({ 'app.mjs': app(port, '') }));
  const process = handover(['app.mjs']);
  await process.printed(/generation 1 in/);
  await request(port, { path: '/spoil', headers: { password: 'hunter2' } });
  project.save('app.mjs', app(port, '// 2'));
  await process.printed(/generation 2 in/);
  assert.match(process.stderr, /not carried over: sessions\.get\('a'\)\.socket: Socket/);
  assert.equal((await request(port)).body, '"Ann"');
  project.save('app.mjs', app(port, '').replace(']]));', ']]), { version: 2 });'));
  await process.printed(/STATE_REJECTED|failed to start/);
  assert.doesNotMatch(process.output, /hunter2/);
});
