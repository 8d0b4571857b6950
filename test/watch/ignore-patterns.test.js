import assert from 'node:assert/strict';
import path from 'node:path';
import { test } from 'node:test';
import { IgnorePatterns } from '../../dist/watch/ignore-patterns.js';

const cwd = path.resolve('/work/app');
const ignored = (patterns, names, named = []) => {
  const ignorePatterns = new IgnorePatterns(
    cwd,
    patterns,
    named.map((name) => path.resolve(cwd, name)),
  );
  return names.filter((name) => ignorePatterns.ignores(path.resolve(cwd, name)));
};

test('by default packages, version control and temporary files of editors are ignored', () => {
  const names = [
    'node_modules/x/a.js',
    'lib/node_modules',
    '.git/HEAD',
    'src/.DS_Store',
    'src/.a.js.swp',
    '4913',
    'a.js~',
  ];
  names.push('.#a.js', '#a.js#', 'a.js___jb_tmp___', 'a.js___jb_old___');
  assert.deepEqual(ignored([], names), names);
  assert.deepEqual(ignored([], ['src/a.js', '.env', '.github/x', 'jb_tmp.js', '.', '..']), []);
});

test('patterns are those of a .gitignore in the working folder', () => {
  const names = ['a.log', 'src/a.log', 'src/gen/a.js', 'gen/a.js', 'dist/a.js', 'src/dist/a.js', 'keep.log'];
  assert.deepEqual(ignored(['*.log', '!keep.log', 'src/gen', '/dist/'], names), names.slice(0, 3).concat('dist/a.js'));
});

test('outside the working folder patterns without a place hold, anchored ones do not', () => {
  assert.deepEqual(ignored(['*.log', '/lib'], ['../shared/a.log', '../lib/a.js', '../x/node_modules/a.js']), [
    '../shared/a.log',
    '../x/node_modules/a.js',
  ]);
});

test('a pattern takes a default back', () => {
  assert.deepEqual(ignored(['!.git'], ['.git/HEAD']), []);
});

test('a path that the user names is not hidden by a default, what is ignored in it still is', () => {
  const names = ['node_modules/mine/a.js', 'node_modules/mine/node_modules/b.js', 'node_modules/other/c.js'];
  assert.deepEqual(ignored([], names, ['node_modules/mine']), names.slice(1));
  assert.deepEqual(ignored(['mine'], names.slice(0, 1), ['node_modules/mine']), names.slice(0, 1));
});
