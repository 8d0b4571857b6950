import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { LoadedModules } from '../../dist/watch/loaded-modules.js';
import { folderWith } from './watching.js';

const file = (name) => path.resolve('/app', name);
const url = (name) => pathToFileURL(file(name)).href;

test('paths of required modules are kept, empty ones are not', () => {
  const modules = new LoadedModules();
  assert.equal(modules.add({ 'watch:require': [file('a.js'), null, ''] }), true);
  assert.deepEqual([...modules.files], [file('a.js')]);
});

test('URLs of imported modules become paths, without a query or hash', () => {
  const modules = new LoadedModules();
  modules.add({ 'watch:import': [url('a b.js'), `${url('c.ts')}?namespace=1`, `${url('c.ts')}#x`] });
  assert.deepEqual([...modules.files], [file('a b.js'), file('c.ts')]);
});

test('built-in modules, data: and broken URLs are left out', () => {
  const modules = new LoadedModules();
  assert.equal(
    modules.add({ 'watch:import': ['node:fs', 'data:text/javascript,1', 'file://%', 'https://x/y.js'] }),
    true,
  );
  assert.equal(modules.files.size, 0);
});

test('files below node_modules are kept apart', () => {
  const modules = new LoadedModules();
  modules.add({ 'watch:import': [url('node_modules/x/index.js'), url('my_node_modules/y.js')] });
  assert.deepEqual([...modules.files], [file('my_node_modules/y.js')]);
  assert.deepEqual([...modules.dependencies], [file('node_modules/x/index.js')]);
});

test('another message is refused', () => {
  const modules = new LoadedModules();
  for (const message of [null, undefined, 'watch:require', 1, {}, { 'watch:require': 'a' }, ['watch:import']]) {
    assert.equal(modules.add(message), false);
  }
});

test('what Node.js reports is understood: CommonJS, ES modules and a file that is missing', async (t) => {
  const folder = await folderWith(t, {
    'main.mjs': "import './esm.mjs'; import './cjs.cjs'; await import('./missing.mjs').catch(() => {});",
    'esm.mjs': "import 'node:fs';",
    'cjs.cjs': "require('./cjs2.cjs');",
    'cjs2.cjs': '',
  });
  const modules = new LoadedModules();
  const child = spawn(process.execPath, [path.join(folder, 'main.mjs')], {
    stdio: ['inherit', 'inherit', 'inherit', 'ipc'],
    env: { ...process.env, WATCH_REPORT_DEPENDENCIES: '1' },
  });
  child.on('message', (message) => modules.add(message));
  await once(child, 'close');
  const names = ['cjs.cjs', 'cjs2.cjs', 'esm.mjs', 'main.mjs'].map((name) => path.join(folder, name));
  assert.deepEqual(
    names.filter((name) => !modules.files.has(name)),
    [],
  );
});
