import assert from 'node:assert/strict';
import { test } from 'node:test';
import { coldStartOrder } from '../../dist/primary/cold-start-order.js';
import { KnownImports } from '../../dist/primary/known-imports.js';
import {
  app,
  COMMON,
  dependency,
  imports,
  importsOf,
  loadedBy,
  NESTED,
  read,
  top,
  url,
} from '../helpers/module-graph.js';

/** The order of a graph of which, and maybe of other files, the imports have been read. */
function orderOf(graph, { files = {}, entry = app('main.mjs'), loud = [] } = {}) {
  const known = new KnownImports();
  known.learn({ ...importsOf(graph), ...files });
  return coldStartOrder(loadedBy(graph), {
    entry,
    imports: known,
    leavesTraces: (target) => loud.includes(target),
  });
}

const common = (files, loud) => orderOf(COMMON, { files, entry: app('main.cjs'), loud });
const targets = ({ roots }) => roots.map(({ target, after }) => [target, after]);

test('an ES module comes after what it imports', () => {
  const order = orderOf(NESTED);
  assert.deepEqual(targets(order), [
    [url(dependency('a')), 0],
    [url(dependency('c')), 0],
    [url(dependency('b')), 1],
  ]);
  assert.deepEqual(order.order, [app('env.mjs'), app('main.mjs')]);
  assert.deepEqual(order.uses, ['c', 'a', 'b']);
});

test('a CommonJS file of whose source nothing is known comes before what it requires', () => {
  const required = { [app('main.cjs')]: [dependency('a'), app('env.cjs')], [app('env.cjs')]: [dependency('b')] };
  assert.deepEqual(targets(orderOf({ required }, { entry: app('main.cjs') })), [
    [dependency('a'), 1],
    [dependency('b'), 2],
  ]);
});

test('a CommonJS file comes after what it requires at its top, and before what it requires later', () => {
  const order = common({
    [app('main.cjs')]: top(dependency('a'), app('env.cjs'), dependency('b')),
    [app('env.cjs')]: top(dependency('d')),
  });
  assert.deepEqual(targets(order), [
    [dependency('a'), 0],
    [dependency('d'), 0],
    [dependency('e'), 1],
    [dependency('b'), 1],
    [dependency('c'), 2],
  ]);
  assert.deepEqual(order.order, [app('env.cjs'), app('main.cjs')]);
  assert.deepEqual(order.uses, ['d', 'e', 'a', 'b', 'c']);
});

test('the source of a CommonJS file counts as far as it agrees with what was required', () => {
  const topOf = (...files) => targets(common({ [app('main.cjs')]: top(...files) })).filter(([, after]) => after === 0);
  // An import of types that a loader leaves out, one that is repeated.
  assert.deepEqual(topOf(dependency('types'), dependency('a'), dependency('a')), [[dependency('a'), 0]]);
  // Something else was required before.
  assert.deepEqual(topOf(dependency('b'), dependency('a')), []);
});

test('a CommonJS file that has looked at something comes before what leaves traces', () => {
  const files = {
    [app('main.cjs')]: top(dependency('a'), null, app('env.cjs'), dependency('b')),
    [app('env.cjs')]: top(dependency('d'), dependency('e')),
  };
  assert.deepEqual(common(files, [dependency('a')]).order, [app('env.cjs'), app('main.cjs')]);
  const order = common(files, [dependency('e')]);
  assert.deepEqual(targets(order).slice(0, 3), [
    [dependency('a'), 0],
    [dependency('d'), 0],
    [dependency('e'), 1],
  ]);
  assert.deepEqual(order.order, [app('main.cjs'), app('env.cjs')]);
});

test('JSON comes before nothing', () => {
  const required = { [app('main.cjs')]: [app('package.json'), dependency('a')], [app('package.json')]: [] };
  const files = { [app('main.cjs')]: top(app('package.json'), dependency('a')) };
  assert.deepEqual(targets(orderOf({ required }, { files, entry: app('main.cjs') })), [[dependency('a'), 0]]);
});

test('only what was loaded counts, and a dynamic import of a dependency does not', () => {
  const files = {
    [app('env.mjs')]: read(
      imports(dependency('types-only')),
      imports(dependency('c'), true),
      imports(app('lazy.mjs'), true),
    ),
  };
  assert.deepEqual(
    orderOf(NESTED, { files }).roots.map(({ target }) => target),
    [url(dependency('a')), url(dependency('b'))],
  );
});

test('cycles among the files of the app end', () => {
  const modules = { [app('main.mjs')]: [app('b.mjs')], [app('b.mjs')]: [app('main.mjs'), dependency('a')] };
  assert.deepEqual(targets(orderOf({ modules })), [[url(dependency('a')), 0]]);
});

test('an import and a require() of one file are one evaluation, a query makes another', () => {
  const queried = { ...imports(dependency('a')), url: `${url(dependency('a'))}?v=1` };
  const files = { [app('main.mjs')]: read(imports(dependency('a')), queried) };
  assert.equal(orderOf(NESTED, { files }).roots.length, 2);
});
