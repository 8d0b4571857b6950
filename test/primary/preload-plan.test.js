import assert from 'node:assert/strict';
import { test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { PreloadPlan } from '../../dist/primary/preload-plan.js';
import { LoadedModules } from '../../dist/watch/loaded-modules.js';

const app = (name) => `/app/${name}`;
const dependency = (name) => `/app/node_modules/${name}/index.js`;
const url = (file) => pathToFileURL(file).href;
const imports = (file, isDynamic = false) => ({ specifier: file, isDynamic, isData: false, url: url(file) });

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
  return Object.fromEntries(Object.entries(modules).map(([file, list]) => [file, list.map((one) => imports(one))]));
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

test('a CommonJS file comes before what it requires, so that nothing comes before it', () => {
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
    [app('env.mjs')]: [
      imports(dependency('types-only')),
      imports(dependency('c'), true),
      imports(app('lazy.mjs'), true),
    ],
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
    [app('main.mjs')]: [imports(dependency('a')), { ...imports(dependency('a')), url: `${url(dependency('a'))}?v=1` }],
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
  assert.deepEqual(plan.unread().sort(), [app('env.mjs'), app('main.mjs')]);
  plan.learn(importsOf(NESTED));
  assert.equal(plan.next().roots.length, 3);
});

test('a changed file is to be read again by the worker that loads it', () => {
  const plan = planFor(NESTED);
  plan.noteChanged([app('env.mjs'), app('unknown.txt')]);
  assert.deepEqual(Object.keys(plan.changed()), [app('env.mjs')]);
  plan.learn({ [app('env.mjs')]: [imports(dependency('c'))] });
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
    'one that is no longer used and leaves no traces',
    { ...NESTED.modules, [app('main.mjs')]: [dependency('a'), app('env.mjs')] },
    [quiet(dependency('a')), quiet(dependency('c')), quiet(dependency('b'))],
    true,
  ],
  [
    'one that is no longer used but shows',
    { ...NESTED.modules, [app('main.mjs')]: [dependency('a'), app('env.mjs')] },
    [quiet(dependency('a')), quiet(dependency('c')), loud(dependency('b'))],
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
