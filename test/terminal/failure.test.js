import assert from 'node:assert/strict';
import path from 'node:path';
import { test } from 'node:test';
import { formatFailure, locateFailure } from '../../dist/terminal/failure.js';
import { errorOfImport, folderWith } from './throwing.js';

const BROKEN = 'const b = {\n  x: 1,,\n};\n';

test('a thrown error: place, code, own frames, what serves', (t) => {
  const cwd = folderWith(t, {
    'src/app.mjs': 'import run from "dep";\nfunction start() {\n  null.listen;\n}\nrun(start);\n',
    'node_modules/dep/index.js': 'module.exports = (callback) => callback();\n',
  });
  const error = errorOfImport(path.join(cwd, 'src/app.mjs'));
  const app = path.join('src', 'app.mjs');
  assert.equal(
    formatFailure({ error, generation: 5, serving: 4, cwd }),
    [
      `✗ ${app}:3:8 generation 5 failed to start: TypeError: Cannot read properties of null (reading 'listen')`,
      '  1 | import run from "dep";',
      '  2 | function start() {',
      '> 3 |   null.listen;',
      '    |        ^',
      '  4 | }',
      '  5 | run(start);',
      `    at start (${app}:3:8)`,
      `    at ${app}:5:1`,
      'generation 4 keeps serving; the next save tries again',
    ].join('\n'),
  );
});

test('a syntax error in an ES module is looked for in the files', async (t) => {
  const cwd = folderWith(t, { 'index.mjs': 'await import("./app.mjs");\n', 'app.mjs': BROKEN });
  const files = ['index.mjs', 'app.mjs'].map((name) => path.join(cwd, name));
  const error = errorOfImport(files[0]);
  const location = await locateFailure(error, files);
  const text = formatFailure({ error, generation: 1, location, cwd });
  assert.ok(
    text.startsWith(
      "✗ app.mjs:2:8 generation 1 failed to start: SyntaxError: Unexpected token ','\n  1 | const b = {\n> 2 |   x: 1,,\n",
    ),
    text,
  );
  assert.ok(text.endsWith('\n  3 | };\nnothing is serving; connections are held until the next save works'), text);
});

test('a mistake that is another one by now is not taken for this one', async (t) => {
  const cwd = folderWith(t, { 'app.mjs': BROKEN });
  const error = { ...errorOfImport(path.join(cwd, 'app.mjs')), message: 'Unexpected end of input' };
  assert.equal(await locateFailure(error, [path.join(cwd, 'app.mjs')]), undefined);
});

test('the message of a compiler is told without the place in it', (t) => {
  const cwd = folderWith(t, { 'app.mts': BROKEN });
  const error = errorOfImport(path.join(cwd, 'app.mts'), ['--import', import.meta.resolve('tsx')]);
  assert.match(
    formatFailure({ error, generation: 2, serving: 1, cwd }),
    /^✗ app\.mts:2:8 generation 2 failed to start: (Transform)?Error: Expected identifier but found ","\n/,
  );
});

test('an error without a place is told without', () => {
  const error = { name: 'HandoverError', message: 'generation 2 was not ready within 10000 ms' };
  assert.equal(
    formatFailure({ error, generation: 2, serving: 1 }),
    '✗ generation 2 failed to start: HandoverError: generation 2 was not ready within 10000 ms\ngeneration 1 keeps serving; the next save tries again',
  );
});

test('a message of several lines is indented, without its colours', () => {
  const error = { name: 'Error', message: '\u001b[31mfirst\u001b[39m\nsecond' };
  assert.match(
    formatFailure({ error, generation: 1 }),
    /^✗ generation 1 failed to start: Error: first\n {2}second\nnothing is serving/,
  );
});

test('a frame that only repeats the headline is left out, a deep stack cut', () => {
  const frame = (name, line) => `    at ${name}${path.resolve('/app/a.js')}:${line}:1${name ? ')' : ''}`;
  const framesOf = (...frames) =>
    formatFailure({
      error: { name: 'Error', message: 'x', stack: ['Error: x', ...frames].join('\n') },
      generation: 1,
    }).match(/^ {4}at /gm)?.length ?? 0;
  assert.equal(framesOf(frame('', 1), '    at node:internal/x:1:2'), 0);
  assert.equal(framesOf(...Array.from({ length: 30 }, (_, index) => frame('f (', index + 1))), 8);
});

test('in a narrow terminal nothing is broken within a word, and the caret stands where it should', (t) => {
  const cwd = folderWith(t, {
    'src/app.mjs':
      'function configure(settings) {\n  if (!settings.a) throw new Error("there is no database in the settings");\n}\nconfigure({});\n',
  });
  const error = errorOfImport(path.join(cwd, 'src/app.mjs'));
  const app = path.join('src', 'app.mjs');
  assert.equal(
    formatFailure({ error, generation: 3, serving: 2, cwd }, undefined, 40),
    [
      `✗ ${app}:2:26 generation 3 failed`,
      '  to start: Error: there is no database',
      '  in the settings',
      '  1 | function configure(settings) {',
      '> 2 |   if (!settings.a) throw new Erro…',
      '    |                          ^',
      '  3 | }',
      '  4 | configure({});',
      `    at configure (${app}:2:26)`,
      `    at ${app}:4:1`,
      'generation 2 keeps serving; the next',
      '  save tries again',
    ].join('\n'),
  );
});

test('what Node does not run by itself comes with what helps', (t) => {
  const cwd = folderWith(t, { 'a.ts': '', 'b.tsx': '' });
  const adviceOf = (error) => formatFailure({ error, generation: 1, cwd }).split('\n').at(-2);
  const tsx = 'start with --exec-arg=--import=tsx to have tsx compile it (npm install --save-dev tsx)';
  const strips = `Node.js itself strips types and no more; ${tsx}`;
  const unsupported = { name: 'SyntaxError', message: 'TypeScript enum is not supported in strip-only mode' };
  assert.equal(adviceOf({ ...unsupported, code: 'ERR_UNSUPPORTED_TYPESCRIPT_SYNTAX' }), strips);
  const unknown = (extension) => ({
    name: 'TypeError',
    message: `Unknown file extension "${extension}" for /a`,
    code: 'ERR_UNKNOWN_FILE_EXTENSION',
  });
  assert.equal(adviceOf(unknown('.tsx')), strips);
  assert.match(adviceOf(unknown('.css')), /^✗/);
  const missing = (name) => ({
    name: 'Error',
    message: `Cannot find module '${path.join(cwd, name)}' imported from ${path.join(cwd, 'app.ts')}`,
  });
  const names = (name) => `there is ${name}, which Node.js takes for no other name; import it by its own, or ${tsx}`;
  assert.equal(adviceOf(missing('a.js')), names('a.ts'));
  assert.equal(adviceOf(missing('b.js')), names('b.tsx'));
  assert.match(adviceOf(missing('c.js')), /^✗/);
});
