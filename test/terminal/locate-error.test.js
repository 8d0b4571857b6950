import assert from 'node:assert/strict';
import path from 'node:path';
import { test } from 'node:test';
import { isUnlocatedSyntaxError, locateError } from '../../dist/terminal/locate-error.js';
import { errorOfImport, folderWith } from './throwing.js';

const TSX = ['--import', import.meta.resolve('tsx')];

/** Where the error of importing the entry is located, with the file relative to the folder. */
function locate(t, files, { entry = Object.keys(files)[0], execArgv } = {}) {
  const folder = folderWith(t, files);
  const error = errorOfImport(path.join(folder, entry), execArgv);
  const location = locateError(error);
  return location && { ...location, file: path.relative(folder, location.file) };
}

test('an error that is thrown: the frame that threw it', (t) => {
  assert.deepEqual(locate(t, { 'a.mjs': '\nfunction f() {\n  throw new TypeError("x");\n}\nf();\n' }), {
    file: 'a.mjs',
    line: 3,
    column: 9,
  });
  assert.deepEqual(locate(t, { 'a.cjs': 'const f = () => {\n  null.x;\n};\nf();\n' }), {
    file: 'a.cjs',
    line: 2,
    column: 8,
  });
  assert.deepEqual(locate(t, { 'a.mjs': 'await null;\nawait (async () => {\n  await null;\n  x.y;\n})();\n' }), {
    file: 'a.mjs',
    line: 4,
    column: 3,
  });
});

test('an error from a dependency or Node: the first frame of the app', (t) => {
  const files = {
    'a.mjs': 'import f from "dep";\nf();\n',
    'node_modules/dep/index.js': 'module.exports = () => require("fs").readFileSync("/no/such/file");\n',
  };
  assert.deepEqual(locate(t, files), { file: 'a.mjs', line: 2, column: 1 });
});

test('an error with no frame of the app: the first of the dependency', (t) => {
  const files = {
    'a.mjs': 'import "dep";\n',
    'node_modules/dep/package.json': '{"type":"module"}',
    'node_modules/dep/index.js': '\nx.y;\n',
  };
  assert.deepEqual(locate(t, files), { file: path.join('node_modules', 'dep', 'index.js'), line: 2, column: 1 });
});

test('a syntax error in a CommonJS module, a missing export: what the stack is decorated with', (t) => {
  assert.deepEqual(locate(t, { 'a.cjs': 'const b = {\n  x: 1,,\n};\n' }), { file: 'a.cjs', line: 2, column: 8 });
  assert.deepEqual(locate(t, { 'a.mjs': '\nimport { nope } from "./b.mjs";\n', 'b.mjs': '' }), {
    file: 'a.mjs',
    line: 2,
    column: 10,
  });
});

test('a missing module: its import', (t) => {
  assert.deepEqual(locate(t, { 'a.mjs': '// nope\nimport x from "nope";\n' }), { file: 'a.mjs', line: 2, column: 16 });
  assert.deepEqual(locate(t, { 'a.mjs': '\n\nimport "./sub/nope.js";\n' }), { file: 'a.mjs', line: 3, column: 15 });
  assert.deepEqual(locate(t, { 'a.cjs': '\nrequire("./nope");\n' }), { file: 'a.cjs', line: 2, column: 1 });
});

test('broken JSON: the place in it', (t) => {
  const requires = 'const a = 1;\nmodule.exports = require("./b.json");\n';
  const inJson = (content) => locate(t, { 'a.cjs': requires, 'b.json': content });
  assert.deepEqual(inJson('{\n  "a": 1,\n  "b": }\n'), { file: 'b.json', line: 3, column: 8 });
  assert.deepEqual(inJson('{"a": 1,}'), { file: 'b.json', line: 1, column: 9 });
  assert.deepEqual(inJson('{"a": [1 2]}'), { file: 'b.json', line: 1, column: 10 });
  assert.deepEqual(inJson('{\n  "a": "x\ny"}'), { file: 'b.json', line: 2, column: 10 });
  assert.deepEqual(inJson('{\n  a: 1}'), { file: 'b.json', line: 2, column: 3 });
  assert.deepEqual(inJson('{"a": tru}'), { file: 'b.json', line: 1, column: 10 });
  assert.deepEqual(inJson('{"a": 1'), { file: 'b.json', line: 1, column: 8 });
  assert.deepEqual(inJson('{}\n}'), { file: 'b.json', line: 2, column: 1 });
  assert.deepEqual(inJson(''), { file: 'b.json', line: 1, column: 1 });
});

test('TypeScript through tsx', (t) => {
  const options = { entry: 'a.mts', execArgv: TSX };
  assert.deepEqual(locate(t, { 'a.mts': 'const a: number = 1;\nconst b = {\n  x: 1,,\n};\n' }, options), {
    file: 'a.mts',
    line: 3,
    column: 8,
  });
  const thrown = 'interface A {\n  a: string;\n}\n\nfunction f(): void {\n  throw new Error("x");\n}\nf();\n';
  assert.deepEqual(locate(t, { 'a.mts': thrown }, options), { file: 'a.mts', line: 6, column: 9 });
});

test('TypeScript through Node', { skip: !process.features.typescript }, (t) => {
  assert.deepEqual(locate(t, { 'a.mts': 'const a: number = 1;\nx.y;\n' }), { file: 'a.mts', line: 2, column: 1 });
  const location = locate(t, { 'a.mts': 'const a: number = 1;\nconst b = {\n  x: 1,,\n};\n' });
  assert.deepEqual(location, { file: 'a.mts', line: 3, column: 8 });
});

test('messages of compilers', () => {
  const file = path.resolve('/app/a.ts');
  const at = (message) => locateError({ name: 'Error', message });
  assert.deepEqual(at(`Transform failed with 1 error:\n${file}:3:5: ERROR: Expected ";"`), {
    file,
    line: 3,
    column: 6,
  });
  assert.deepEqual(at(`Unable to compile:\n${file}(3,5): error TS1005: ';' expected.`), { file, line: 3, column: 5 });
  assert.deepEqual(at(`Unable to compile:\n${file}:3:5 - error TS1005: ';' expected.`), { file, line: 3, column: 5 });
  const picture = (mark, [corner, end]) =>
    `  ${mark} Unexpected token\n   ${corner}[${file}:3:1]\n 2 | const b = {\n 3 |   x: 1,,\n   :        ^\n 4 | };\n   ${end}\n\n\nCaused by:\n    Syntax Error`;
  for (const text of [picture('x', [',-', '`----']), picture('×', ['╭─', '╰────'])]) {
    assert.deepEqual(at(text), { file, line: 3, column: 8 });
  }
});

test('lines of the message that look like frames are none', () => {
  const message = `boom\n    at fake (${path.resolve('/fake.js')}:1:1)`;
  const real = path.resolve('/real.js');
  assert.deepEqual(locateError({ name: 'Error', message, stack: `Error: ${message}\n    at ${real}:2:3` }), {
    file: real,
    line: 2,
    column: 3,
  });
});

test('a query behind a file: URL is no part of the file', () => {
  const stack = 'Error: x\n    at f (file:///app/a%20b.ts?namespace=17:2:3)';
  if (process.platform !== 'win32')
    assert.deepEqual(locateError({ name: 'Error', message: 'x', stack }), { file: '/app/a b.ts', line: 2, column: 3 });
});

test('an error without a place has none', () => {
  assert.equal(locateError({ name: 'Error', message: 'x' }), undefined);
  assert.equal(
    locateError({ name: 'Error', message: '', stack: 'Error\n    at node:internal/main:1:2\n    at <anonymous>' }),
    undefined,
  );
  // thrown by this package itself
  const own = new URL('../../dist/errors.js', import.meta.url).href;
  assert.equal(
    locateError({ name: 'HandoverError', message: 'x', stack: `HandoverError: x\n    at ${own}:1:2` }),
    undefined,
  );
});

test('only a syntax error in an ES module is without a place', (t) => {
  const folder = folderWith(t, {
    'a.mjs': 'x: 1,,',
    'importer.mjs': 'await import("./a.mjs")',
    'a.cjs': 'x: 1,,',
    'b.mjs': 'JSON.parse("{")',
  });
  const isUnlocated = (name) => isUnlocatedSyntaxError(errorOfImport(path.join(folder, name)));
  assert.deepEqual(['a.mjs', 'importer.mjs', 'a.cjs', 'b.mjs'].map(isUnlocated), [true, true, false, false]);
});
