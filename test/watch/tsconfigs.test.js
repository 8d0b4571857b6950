import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
import { tsconfigsOf } from '../../dist/watch/tsconfigs.js';

const project = (t, files) => {
  const folder = realpathSync(mkdtempSync(path.join(os.tmpdir(), 'tsconfigs-')));
  t.after(() => rmSync(folder, { recursive: true }));
  for (const [name, content] of Object.entries(files)) {
    mkdirSync(path.dirname(path.join(folder, name)), { recursive: true });
    writeFileSync(path.join(folder, name), typeof content === 'string' ? content : JSON.stringify(content));
  }
  return folder;
};
const namesIn = (folder, env = {}) =>
  [...tsconfigsOf(folder, env)]
    .filter((file) => file.startsWith(folder))
    .map((file) => path.relative(folder, file).replaceAll('\\', '/'))
    .toSorted();

test('a tsconfig.json and what it extends, in each way in which it can be named', (t) => {
  const folder = project(t, {
    'tsconfig.json': `{
      // with comments
      "extends": ["./config/base", "@scope/strict", "plain/tsconfig.json", "named"],
    }`,
    'config/base.json': { extends: '../common.json' },
    'node_modules/@scope/strict/tsconfig.json': { extends: './more.json' },
    'node_modules/plain/tsconfig.json': {},
    'node_modules/named/package.json': { name: 'named', main: 'index.js' },
    'node_modules/named/index.js': '',
    'node_modules/named/tsconfig.json': {},
  });
  assert.deepEqual(namesIn(folder), [
    'common.json',
    'config/base.json',
    'node_modules/@scope/strict/more.json',
    'node_modules/@scope/strict/tsconfig.json',
    'node_modules/named/tsconfig.json',
    'node_modules/plain/tsconfig.json',
    'tsconfig.json',
  ]);
});

test('one that a variable names, files that extend each other, and none at all', (t) => {
  const folder = project(t, { 'dev.json': { extends: './other.json' }, 'other.json': { extends: './dev' } });
  const env = { TSX_TSCONFIG_PATH: path.join(folder, 'dev.json') };
  assert.deepEqual(namesIn(folder, env), ['dev.json', 'other.json', 'tsconfig.json']);
  assert.deepEqual(namesIn(folder), ['tsconfig.json']);
});
