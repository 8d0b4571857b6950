import assert from 'node:assert/strict';
import { test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { PreloadPlan } from '../../dist/primary/preload-plan.js';
import { LoadedModules } from '../../dist/watch/loaded-modules.js';

const app = (name) => `/app/${name}`;
const dependency = (name) => `/app/node_modules/${name}/index.js`;
const url = (file) => pathToFileURL(file).href;
const imports = (file, isDynamic = false) => ({
  specifier: file,
  isDynamic,
  isData: false,
  hasLooked: false,
  url: url(file),
});
const read = (...list) => ({ format: 'import', list });
/** What a CommonJS file requires at its top; after a `null` it has looked at something. */
const top = (...files) => ({
  format: 'require',
  list: files.flatMap((file, at) =>
    file === null ? [] : [{ ...imports(file), hasLooked: files.slice(0, at).includes(null) }],
  ),
});

/** What a generation has loaded: ES modules of the app with their imports, CommonJS files with what they require. */
function loadedBy({ modules = {}, required = {} }) {
  const loaded = new LoadedModules();
  const files = Object.entries(modules).flatMap(([file, list]) => [file, ...list]);
  loaded.add({ 'watch:import': files.map(url) });
  loaded.add({ 'watch:require': Object.values(required).flat() });
  loaded.setRequired(required);
  return loaded;
}

function planFor(graph, mode = 'auto', entry = app('main.mjs')) {
  const plan = new PreloadPlan(mode, entry);
  plan.setServing(loadedBy(graph), []);
  plan.learn(importsOf(graph));
  return plan;
}

function importsOf({ modules = {} }) {
  return Object.fromEntries(
    Object.entries(modules).map(([file, list]) => [file, read(...list.map((one) => imports(one)))]),
  );
}

const evaluated = ({ roots }) => roots.filter(({ isLeft }) => !isLeft);
const targets = (order) => evaluated(order).map(({ target, after }) => [target, after]);
const quiet = (file) => ({ target: url(file), ms: 1, leavesTraces: false });
const loud = (file) => ({ target: url(file), ms: 1, leavesTraces: true });

const NESTED = {
  modules: {
    [app('main.mjs')]: [dependency('a'), app('env.mjs'), dependency('b')],
    [app('env.mjs')]: [dependency('c')],
  },
};

test('an ES module comes after what it imports', () => {
  const order = planFor(NESTED).next();
  assert.deepEqual(targets(order), [
    [url(dependency('a')), 0],
    [url(dependency('c')), 0],
    [url(dependency('b')), 1],
  ]);
  assert.deepEqual(order.order, [app('env.mjs'), app('main.mjs')]);
});

test('a CommonJS file of whose source nothing is known comes before what it requires', () => {
  const plan = planFor(
    { required: { [app('main.cjs')]: [dependency('a'), app('env.cjs')], [app('env.cjs')]: [dependency('b')] } },
    'auto',
    app('main.cjs'),
  );
  assert.deepEqual(targets(plan.next()), [
    [dependency('a'), 1],
    [dependency('b'), 2],
  ]);
  assert.equal(plan.hasMain, true);
});

const COMMON = {
  required: {
    [app('main.cjs')]: [dependency('a'), app('env.cjs'), dependency('b'), dependency('c')],
    [app('env.cjs')]: [dependency('d'), dependency('e')],
  },
};
const loudRequire = (file) => ({ target: file, ms: 1, leavesTraces: true });

function commonPlan(tops, mode) {
  const plan = planFor(COMMON, mode, app('main.cjs'));
  plan.learn(tops);
  return plan;
}

test('a CommonJS file comes after what it requires at its top, and before what it requires later', () => {
  const plan = commonPlan({
    [app('main.cjs')]: top(dependency('a'), app('env.cjs'), dependency('b')),
    [app('env.cjs')]: top(dependency('d')),
  });
  const order = plan.next();
  assert.deepEqual(targets(order), [
    [dependency('a'), 0],
    [dependency('d'), 0],
    [dependency('e'), 1],
    [dependency('b'), 1],
    [dependency('c'), 2],
  ]);
  assert.deepEqual(order.order, [app('env.cjs'), app('main.cjs')]);
  assert.equal(plan.hasMain, true);
});

test("'prefix' takes what a CommonJS app requires at its top", () => {
  const plan = commonPlan({ [app('main.cjs')]: top(dependency('a'), app('env.cjs'), dependency('b')) }, 'prefix');
  assert.deepEqual(targets(plan.next()), [[dependency('a'), 0]]);
});

test('the files of a CommonJS app are read once, and again in another format', () => {
  const plan = planFor(COMMON, 'auto', app('main.cjs'));
  assert.deepEqual(plan.unread(), { [app('main.cjs')]: 'require', [app('env.cjs')]: 'require' });
  plan.learn({ [app('main.cjs')]: top(), [app('env.cjs')]: { format: 'import', list: null } });
  assert.deepEqual(plan.unread(), { [app('env.cjs')]: 'require' });
  plan.noteChanged([app('main.cjs')]);
  assert.deepEqual(plan.changed(), { [app('main.cjs')]: { format: 'require', list: [] } });
});

test('the source of a CommonJS file counts as far as it agrees with what was required', () => {
  const topOf = (...files) => targets(commonPlan({ [app('main.cjs')]: top(...files) }, 'prefix').next());
  // An import of types that a loader leaves out, one that is repeated.
  assert.deepEqual(topOf(dependency('types'), dependency('a'), dependency('a')), [[dependency('a'), 0]]);
  // Something else was required before.
  assert.deepEqual(topOf(dependency('b'), dependency('a')), []);
});

test('JSON comes before nothing', () => {
  const required = { [app('main.cjs')]: [app('package.json'), dependency('a')], [app('package.json')]: [] };
  const plan = planFor({ required }, 'auto', app('main.cjs'));
  plan.learn({ [app('main.cjs')]: top(app('package.json'), dependency('a')) });
  assert.deepEqual(targets(plan.next()), [[dependency('a'), 0]]);
});

test('a CommonJS file that has looked at something comes before what leaves traces', () => {
  const plan = commonPlan({
    [app('main.cjs')]: top(dependency('a'), null, app('env.cjs'), dependency('b')),
    [app('env.cjs')]: top(dependency('d'), dependency('e')),
  });
  const order = plan.next();
  const after = () => Object.fromEntries(targets(plan.next()));
  assert.equal(after()[dependency('e')], 0);
  plan.notePreloaded([loudRequire(dependency('a'))], new Map());
  assert.equal(after()[dependency('a')], 0);
  assert.equal(plan.allows(order, [dependency('a'), dependency('d'), dependency('e')]), true);
  plan.notePreloaded([loudRequire(dependency('e'))], new Map());
  assert.deepEqual([after()[dependency('d')], after()[dependency('e')]], [0, 1]);
  assert.deepEqual(plan.next().order, [app('main.cjs'), app('env.cjs')]);
  // One that was not watched, and should have been.
  assert.equal(plan.allows(order, [dependency('a'), dependency('d')]), true);
  assert.equal(plan.allows(order, [dependency('a'), dependency('d'), dependency('e')]), false);
  const preloaded = [loudRequire(dependency('a')), loudRequire(dependency('e'))];
  assert.notEqual(plan.verify(order, preloaded, loadedBy(COMMON)), undefined);
});

for (const [what, change, isRight] of [
  ['the same', top(dependency('a'), app('env.cjs'), dependency('b')), true],
  ['more at its top', top(dependency('a'), app('env.cjs'), dependency('b'), dependency('c')), true],
  ['code before everything', top(), false],
  ['another format', read(imports(dependency('a'))), false],
]) {
  test(`a speculation is ${isRight ? 'right' : 'wrong'} after a save of a CommonJS file: ${what}`, () => {
    const plan = commonPlan({ [app('main.cjs')]: top(dependency('a'), app('env.cjs'), dependency('b')) });
    const order = plan.next();
    plan.noteChanged([app('main.cjs')]);
    plan.learn({ [app('main.cjs')]: change });
    const preloaded = order.roots.map(({ target }) => ({ target, ms: 1, leavesTraces: false }));
    assert.equal(plan.verify(order, preloaded, loadedBy(COMMON)) === undefined, isRight);
  });
}

test("'prefix' takes only what comes before every file of the app, false nothing", () => {
  assert.deepEqual(
    evaluated(planFor(NESTED, 'prefix').next()).map(({ target }) => target),
    [url(dependency('a')), url(dependency('c'))],
  );
  assert.deepEqual(evaluated(planFor(NESTED, false).next()), []);
});

test('only what was loaded is evaluated ahead, and a dynamic import of a dependency is not', () => {
  const plan = planFor(NESTED);
  plan.learn({
    [app('env.mjs')]: read(
      imports(dependency('types-only')),
      imports(dependency('c'), true),
      imports(app('lazy.mjs'), true),
    ),
  });
  assert.deepEqual(
    plan.next().roots.map(({ target }) => target),
    [url(dependency('a')), url(dependency('b'))],
  );
});

test('cycles among the files of the app end', () => {
  const plan = planFor({
    modules: { [app('main.mjs')]: [app('b.mjs')], [app('b.mjs')]: [app('main.mjs'), dependency('a')] },
  });
  assert.deepEqual(targets(plan.next()), [[url(dependency('a')), 0]]);
});

test('an import and a require() of one file are one evaluation, a query makes another', () => {
  const plan = planFor(NESTED);
  plan.learn({
    [app('main.mjs')]: read(imports(dependency('a')), {
      ...imports(dependency('a')),
      url: `${url(dependency('a'))}?v=1`,
    }),
  });
  assert.equal(plan.next().roots.length, 2);
});

test('what can be left out takes with it what follows and leaves traces', () => {
  const plan = planFor(NESTED);
  plan.notePreloaded([quiet(dependency('a')), quiet(dependency('c')), loud(dependency('b'))], new Map());
  assert.match(
    plan.exclude({ cause: 'because', roots: [url(dependency('c'))] }),
    /^because: 2 modules are not preloaded/,
  );
  assert.deepEqual(targets(plan.next()), [[url(dependency('a')), 0]]);
});

test('each cause is told once, and a change of order not at all', () => {
  const plan = planFor(NESTED);
  assert.equal(plan.exclude({ cause: '', roots: [] }), undefined);
  assert.match(plan.exclude({ cause: 'because', roots: [url(dependency('b'))] }), /1 module is not preloaded/);
  assert.equal(plan.exclude({ cause: 'because', roots: [url(dependency('b'))] }), undefined);
});

test('what the app changes for all leaves only what comes before it, until the dependencies change', () => {
  const plan = planFor(NESTED);
  plan.exclude({ cause: 'the app patches fetch', roots: 'speculated' });
  assert.deepEqual(targets(plan.next()), [
    [url(dependency('a')), 0],
    [url(dependency('c')), 0],
  ]);
  plan.forget();
  assert.deepEqual(Object.keys(plan.unread()).sort(), [app('env.mjs'), app('main.mjs')]);
  plan.learn(importsOf(NESTED));
  assert.equal(plan.next().roots.length, 3);
});

test('a changed file is to be read again by the worker that loads it', () => {
  const plan = planFor(NESTED);
  plan.noteChanged([app('env.mjs'), app('unknown.txt')]);
  assert.deepEqual(Object.keys(plan.changed()), [app('env.mjs')]);
  plan.learn({ [app('env.mjs')]: read(imports(dependency('c'))) });
  assert.deepEqual(plan.changed(), {});
});

for (const [what, after, preloaded, isRight] of [
  ['the same imports', NESTED.modules, [loud(dependency('a')), loud(dependency('c')), loud(dependency('b'))], true],
  [
    'another order',
    { ...NESTED.modules, [app('main.mjs')]: [app('env.mjs'), dependency('a'), dependency('b')] },
    [quiet(dependency('a')), quiet(dependency('c')), quiet(dependency('b'))],
    false,
  ],
  [
    'one that is no longer used, and may have changed a package that others use',
    { ...NESTED.modules, [app('main.mjs')]: [dependency('a'), app('env.mjs')] },
    [quiet(dependency('a')), quiet(dependency('c')), quiet(dependency('b'))],
    false,
  ],
  [
    'a new one before one that shows',
    { ...NESTED.modules, [app('main.mjs')]: [dependency('new'), ...NESTED.modules[app('main.mjs')]] },
    [quiet(dependency('a')), quiet(dependency('c')), loud(dependency('b'))],
    false,
  ],
  [
    'a new one before others, none of which shows',
    { ...NESTED.modules, [app('main.mjs')]: [dependency('new'), ...NESTED.modules[app('main.mjs')]] },
    [quiet(dependency('a')), quiet(dependency('c')), quiet(dependency('b'))],
    true,
  ],
  [
    'a file of the app before what came first',
    {
      ...NESTED.modules,
      [app('main.mjs')]: [app('first.mjs'), ...NESTED.modules[app('main.mjs')]],
      [app('first.mjs')]: [],
    },
    [quiet(dependency('a')), quiet(dependency('c')), quiet(dependency('b'))],
    false,
  ],
]) {
  test(`a speculation is ${isRight ? 'right' : 'wrong'} after a save with ${what}`, () => {
    const plan = planFor(NESTED);
    const order = plan.next();
    plan.learn(importsOf({ modules: after }));
    const misspeculation = plan.verify(order, preloaded, loadedBy({ modules: after }));
    assert.equal(misspeculation === undefined, isRight);
  });
}

test('what may be looked for ahead: dependencies, and files of the app under their own names', () => {
  const file = app('main.mjs');
  const plan = new PreloadPlan('auto', file);
  plan.setServing(loadedBy({ modules: { [file]: [dependency('a'), app('part.mjs'), app('alias.mjs')] } }), []);
  const named = (specifier, target) => ({ ...imports(target), specifier });
  plan.learn({
    [file]: read(named('a', dependency('a')), named('./part.mjs', app('part.mjs')), named('#alias', app('alias.mjs')), {
      ...named('b', dependency('b')),
      url: null,
    }),
  });
  assert.deepEqual(plan.resolvable(), { [file]: { format: 'import', specifiers: ['a', './part.mjs'] } });
  plan.forget();
  assert.deepEqual(plan.resolvable(), {});
});

test('of a CommonJS file only dependencies may be looked for ahead', () => {
  const file = app('main.cjs');
  const plan = new PreloadPlan('auto', file);
  plan.setServing(loadedBy({ required: { [file]: [dependency('a'), app('part.cjs')] } }), []);
  const named = (specifier, target) => ({ ...imports(target), specifier });
  plan.learn({
    [file]: { format: 'require', list: [named('a', dependency('a')), named('./part.cjs', app('part.cjs'))] },
  });
  assert.deepEqual(plan.resolvable(), { [file]: { format: 'require', specifiers: ['a'] } });
});
