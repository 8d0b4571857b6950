import assert from 'node:assert/strict';
import { test } from 'node:test';
import { KnownImports } from '../../dist/primary/known-imports.js';
import { app, COMMON, dependency, imports, importsOf, loadedBy, NESTED, read, top } from '../helpers/module-graph.js';

function knownOf(files) {
  const known = new KnownImports();
  known.learn(files);
  return known;
}

test('the files of a CommonJS app are read once, and again in another format', () => {
  const known = new KnownImports();
  const loaded = loadedBy(COMMON);
  assert.deepEqual(known.unread(loaded), { [app('main.cjs')]: 'require', [app('env.cjs')]: 'require' });
  known.learn({ [app('main.cjs')]: top(), [app('env.cjs')]: { format: 'import', list: null } });
  assert.deepEqual(known.unread(loaded), { [app('env.cjs')]: 'require' });
  known.noteChanged([app('main.cjs')]);
  assert.deepEqual(known.changed(), { [app('main.cjs')]: { format: 'require', list: [] } });
});

test('a changed file is to be read again by the worker that loads it', () => {
  const known = knownOf(importsOf(NESTED));
  known.noteChanged([app('env.mjs'), app('unknown.txt')]);
  assert.deepEqual(Object.keys(known.changed()), [app('env.mjs')]);
  known.learn({ [app('env.mjs')]: read(imports(dependency('c'))) });
  assert.deepEqual(known.changed(), {});
});

test('what may be looked for ahead: dependencies, and files of the app under their own names', () => {
  const file = app('main.mjs');
  const loaded = loadedBy({ modules: { [file]: [dependency('a'), app('part.mjs'), app('alias.mjs')] } });
  const named = (specifier, target) => ({ ...imports(target), specifier });
  const known = knownOf({
    [file]: read(named('a', dependency('a')), named('./part.mjs', app('part.mjs')), named('#alias', app('alias.mjs')), {
      ...named('b', dependency('b')),
      url: null,
    }),
  });
  assert.deepEqual(known.resolvable(loaded), { [file]: { format: 'import', specifiers: ['a', './part.mjs'] } });
  known.forget();
  assert.deepEqual(known.resolvable(loaded), {});
});

test('of a CommonJS file only dependencies may be looked for ahead', () => {
  const file = app('main.cjs');
  const loaded = loadedBy({ required: { [file]: [dependency('a'), app('part.cjs')] } });
  const named = (specifier, target) => ({ ...imports(target), specifier });
  const known = knownOf({
    [file]: { format: 'require', list: [named('a', dependency('a')), named('./part.cjs', app('part.cjs'))] },
  });
  assert.deepEqual(known.resolvable(loaded), { [file]: { format: 'require', specifiers: ['a'] } });
});
