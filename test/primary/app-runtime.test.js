import assert from 'node:assert/strict';
import path from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { missingIn, runtimeOf } from '../../dist/primary/app-runtime.js';
import { LoadedModules } from '../../dist/watch/loaded-modules.js';

const API = fileURLToPath(new URL('../../dist/index.js', import.meta.url));

function loaded({ imports = [], required = {} }) {
  const modules = new LoadedModules();
  modules.add({ 'watch:import': imports.map((name) => new URL(name, 'file:///app/').href) });
  modules.setRequired(Object.fromEntries(Object.entries(required).map(([file, list]) => [path.resolve(file), list])));
  return modules;
}

test('an app in JavaScript that knows nothing of this package', () => {
  assert.deepEqual(runtimeOf(loaded({ imports: ['a.js'] })), { typescript: [], api: false });
});

test('TypeScript as ES modules, as CommonJS, as both; not that of a dependency', () => {
  assert.deepEqual(runtimeOf(loaded({ imports: ['a.js', 'b.mts'] })).typescript, ['import']);
  assert.deepEqual(runtimeOf(loaded({ imports: ['a.ts'], required: { '/app/a.ts': [] } })).typescript, ['require']);
  assert.deepEqual(runtimeOf(loaded({ imports: ['b.tsx'], required: { '/app/a.cts': [] } })).typescript.sort(), [
    'import',
    'require',
  ]);
  assert.deepEqual(runtimeOf(loaded({ imports: ['node_modules/x/a.ts'] })).typescript, []);
});

test('an app that imports this package', () => {
  assert.equal(runtimeOf(loaded({ imports: ['a.js', API] })).api, true);
});

test('what a standby has still to warm', () => {
  const both = { typescript: ['import', 'require'], api: true };
  assert.deepEqual(missingIn(both, { typescript: ['import'], api: true }), { typescript: ['require'], api: false });
  assert.deepEqual(missingIn(both, { typescript: [], api: false }), both);
});
