import assert from 'node:assert/strict';
import path from 'node:path';
import { test } from 'node:test';
import { findSyntaxError } from '../../dist/terminal/syntax-location.js';
import { folderWith } from './throwing.js';

const BROKEN = 'const a = 1;\nconst b = {\n  x: 1,,\n};\n';
const FOUND = { line: 3, column: 8, message: "Unexpected token ','" };

/** The syntax error among the files, in the order in which they are given. */
async function find(t, files) {
  const folder = folderWith(t, files);
  const found = await findSyntaxError(Object.keys(files).map((name) => path.join(folder, name)));
  return found && { ...found, file: path.relative(folder, found.file) };
}

for (const extension of ['mjs', 'cjs', 'js']) {
  test(`in a .${extension} file`, async (t) => {
    assert.deepEqual(await find(t, { [`a.${extension}`]: BROKEN }), { file: `a.${extension}`, ...FOUND });
  });
}

test('in a .js file of a package of ES modules', async (t) => {
  assert.deepEqual(await find(t, { 'a.js': BROKEN, 'package.json': '{"type":"module"}' }), { file: 'a.js', ...FOUND });
});

test('in a .js file that only its syntax makes an ES module', async (t) => {
  assert.deepEqual(await find(t, { 'a.js': 'import fs from "node:fs";\nlet a = 1;\nlet a = 2;\n' }), {
    file: 'a.js',
    line: 3,
    column: 5,
    message: "Identifier 'a' has already been declared",
  });
});

test('valid files, other kinds and dependencies are passed over', async (t) => {
  const files = {
    'ok.mjs': 'export const a = await 1;\n',
    'ok.js': 'export {};\n',
    'sloppy.js': 'with ({}) {}\nreturn;\n',
    'throws.cjs': 'throw new SyntaxError("at run time only");\n',
    'a.ts': 'const x: number = 1;',
    'b.json': '{',
    'node_modules/x.js': BROKEN,
  };
  assert.equal(await find(t, files), undefined);
  assert.deepEqual(await find(t, { ...files, 'z.js': BROKEN }), { file: 'z.js', ...FOUND });
});

test('the first file wins, and no more than 10 are checked', async (t) => {
  assert.equal((await find(t, { 'b.mjs': BROKEN, 'a.mjs': BROKEN })).file, 'b.mjs');
  const fine = Object.fromEntries(Array.from({ length: 10 }, (_, index) => [`${index}.cjs`, '']));
  assert.equal(await find(t, { ...fine, 'z.mjs': BROKEN }), undefined);
});

test('a file or an executable that does not exist finds nothing', async () => {
  assert.equal(await findSyntaxError(['/no/such/file.js']), undefined);
  assert.equal(await findSyntaxError([import.meta.filename], '/no/such/node'), undefined);
  assert.equal(await findSyntaxError([]), undefined);
});

test('NODE_OPTIONS do not run', async (t) => {
  process.env.NODE_OPTIONS = '--import=/no/such/module.mjs';
  t.after(() => delete process.env.NODE_OPTIONS);
  assert.deepEqual(await find(t, { 'a.mjs': BROKEN }), { file: 'a.mjs', ...FOUND });
});
