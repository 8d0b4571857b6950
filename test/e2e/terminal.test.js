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
http.createServer((request, response) => { if (request.url === '/spoil') sessions.get('a').socket = request.socket; response.end(JSON.stringify(sessions.get('a').name)); }).listen(${port}, '127.0.0.1');`;
  const { port, project, handover } = await setUp(t, (port) => ({ 'app.mjs': app(port, '') }));
  const process = handover(['app.mjs']);
  await process.printed(/generation 1 in/);
  await request(port, { path: '/spoil' });
  project.save('app.mjs', app(port, '// 2'));
  await process.printed(/generation 2 in/);
  assert.match(process.stderr, /not carried over: sessions\.get\('a'\)\.socket: Socket/);
  assert.equal((await request(port)).body, '"Ann"');
});
