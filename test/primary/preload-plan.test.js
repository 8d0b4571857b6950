import assert from 'node:assert/strict';
import { test } from 'node:test';
import { PreloadPlan } from '../../dist/primary/preload-plan.js';
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

function planFor(graph, mode = 'auto', entry = app('main.mjs')) {
  const plan = new PreloadPlan(mode, entry);
  plan.setServing(loadedBy(graph), []);
  plan.imports.learn(importsOf(graph));
  return plan;
}

const evaluated = ({ roots }) => roots.filter(({ isLeft }) => !isLeft);
const targets = (order) => evaluated(order).map(({ target, after }) => [target, after]);
const quiet = (file) => ({ target: url(file), ms: 1, leavesTraces: false });
const loud = (file) => ({ target: url(file), ms: 1, leavesTraces: true });

const loudRequire = (file) => ({ target: file, ms: 1, leavesTraces: true });

function commonPlan(tops, mode) {
  const plan = planFor(COMMON, mode, app('main.cjs'));
  plan.imports.learn(tops);
  return plan;
}

test('an app whose entry is CommonJS has a main', () => {
  assert.equal(commonPlan({}).hasMain, true);
  assert.equal(planFor(NESTED).hasMain, false);
});

test("'prefix' takes what a CommonJS app requires at its top", () => {
  const plan = commonPlan({ [app('main.cjs')]: top(dependency('a'), app('env.cjs'), dependency('b')) }, 'prefix');
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
    plan.imports.noteChanged([app('main.cjs')]);
    plan.imports.learn({ [app('main.cjs')]: change });
    const preloaded = order.roots.map(({ target }) => ({ target, ms: 1, leavesTraces: false }));
    assert.equal(plan.verify(order, preloaded, loadedBy(COMMON)) === undefined, isRight);
  });
}

test('only files of an app that serves, and may be preloaded, are to be read', () => {
  const unread = { [app('main.cjs')]: 'require', [app('env.cjs')]: 'require' };
  assert.deepEqual(planFor(COMMON, 'auto', app('main.cjs')).unread(), unread);
  assert.deepEqual(planFor(COMMON, false, app('main.cjs')).unread(), {});
  assert.deepEqual(new PreloadPlan('auto', app('main.cjs')).unread(), {});
});

test("'prefix' takes only what comes before every file of the app, false nothing", () => {
  assert.deepEqual(
    evaluated(planFor(NESTED, 'prefix').next()).map(({ target }) => target),
    [url(dependency('a')), url(dependency('c'))],
  );
  assert.deepEqual(evaluated(planFor(NESTED, false).next()), []);
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
  plan.imports.learn(importsOf(NESTED));
  assert.equal(plan.next().roots.length, 3);
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
    plan.imports.learn(importsOf({ modules: after }));
    const misspeculation = plan.verify(order, preloaded, loadedBy({ modules: after }));
    assert.equal(misspeculation === undefined, isRight);
  });
}
