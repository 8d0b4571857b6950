import module from 'node:module';
import { testCases, testMoreCases } from './cases.js';

/** A CommonJS app whose first module changes how modules are loaded; then it requires `dep`. */
const patching = (first, packages, rest = {}) => ({
  app: `require('./first.cjs'); const dep = require('dep'); const report = () => dep;`,
  entry: 'app.cjs',
  files: { 'first.cjs': `const Module = require('module'); ${first}` },
  cjs: packages,
  ...rest,
});

const HOOKS = `export async function load(url, context, next) {
  const result = await next(url, context);
  if (!url.includes('/node_modules/dep/')) return result;
  return { ...result, source: String(result.source).replace('original', 'transformed') };
}`;

const registerHooks = `import { registerHooks } from 'node:module';
registerHooks({ load(url, context, next) {
  const result = next(url, context);
  if (!url.includes('/node_modules/dep/')) return result;
  return { ...result, source: String(result.source).replace('original', 'transformed') };
} });`;

const withoutSyncHooks = !module.registerHooks && 'Node.js has no module.registerHooks';

testCases({
  'an app module patches Module._load': patching(
    `const load = Module._load; Module._load = (name, ...rest) => (name === 'lib' ? 'mocked' : load(name, ...rest));`,
    { lib: `module.exports = 'real';`, dep: `module.exports = require('lib');` },
    { told: /_load/ },
  ),
  'an app module transforms what is required with require.extensions': patching(
    `const js = require.extensions['.js']; require.extensions['.js'] = (module, file) => {
       const compile = module._compile; module._compile = (source, name) => compile.call(module, source.replace('original', 'transformed'), name); js(module, file); };`,
    { dep: `module.exports = 'original';` },
    { told: /extension/ },
  ),
  'an app module registers hooks with module.register()': {
    app: `import './first.mjs'; const { seen } = await import('dep'); const report = () => seen;`,
    files: {
      'first.mjs': `import { register } from 'node:module'; register('./hooks.mjs', import.meta.url);`,
      'hooks.mjs': HOOKS,
    },
    esm: { dep: `export const seen = 'original';` },
  },
  'an app module registers hooks with module.registerHooks()': {
    skip: withoutSyncHooks,
    app: `import './first.mjs'; const { seen } = await import('dep'); const report = () => seen;`,
    files: { 'first.mjs': registerHooks },
    // A dynamic import is left to the app in any case.
    esm: { dep: `export const seen = 'original';` },
  },
  'hooks that --import registers transform a dependency': {
    app: `import { seen } from 'dep'; const report = () => seen;`,
    files: {
      'setup.mjs': `import { register } from 'node:module'; register('./hooks.mjs', import.meta.url);`,
      'hooks.mjs': HOOKS,
    },
    esm: { dep: `export const seen = 'original';` },
    execArgv: ['--import', './setup.mjs'],
  },
});

testMoreCases({
  'an app module adds an extension': patching(
    `Module._extensions['.txt'] = (module, file) => { module.exports = require('fs').readFileSync(file, 'utf8'); };`,
    { dep: `try { module.exports = require('./data.txt'); } catch (error) { module.exports = error.name; }` },
    {
      files: {
        'first.cjs': `require('module')._extensions['.txt'] = (module, file) => { module.exports = require('fs').readFileSync(file, 'utf8'); };`,
        'node_modules/dep/data.txt': '{ not: "javascript" }',
      },
      told: /extension/,
    },
  ),
  'an app module patches Module.prototype.require': patching(
    `const { require: load } = Module.prototype; Module.prototype.require = function (name) { return name === 'lib' ? 'mocked' : load.call(this, name); };`,
    { lib: `module.exports = 'real';`, dep: `module.exports = require('lib');` },
    { told: /require/ },
  ),
  'an app module gives names another meaning with Module._resolveFilename': patching(
    `const resolve = Module._resolveFilename; Module._resolveFilename = (name, ...rest) => resolve(name === 'lib' ? 'other' : name, ...rest);`,
    { lib: `module.exports = 'lib';`, other: `module.exports = 'other';`, dep: `module.exports = require('lib');` },
    { told: /_resolveFilename/ },
  ),
  'an app module patches Module.prototype._compile': patching(
    `const compile = Module.prototype._compile; Module.prototype._compile = function (source, ...rest) { return compile.call(this, source.replace('original', 'transformed'), ...rest); };`,
    { dep: `module.exports = 'original';` },
    { told: /_compile/ },
  ),
  'an app module patches the wrapper of modules': patching(
    `const { wrap } = Module; Module.wrap = (source) => wrap(source.replace('original', 'transformed'));`,
    { dep: `module.exports = 'original';` },
    { told: /wrap/ },
  ),
  'an app module adds a folder of packages with NODE_PATH': patching(
    `process.env.NODE_PATH = require('path').join(__dirname, 'vendor'); Module._initPaths();`,
    { dep: `try { module.exports = require('vendored'); } catch (error) { module.exports = error.code; }` },
    {
      files: {
        'first.cjs': `process.env.NODE_PATH = require('path').join(__dirname, 'vendor'); require('module')._initPaths();`,
        'vendor/vendored/index.js': `module.exports = 'vendored';`,
      },
    },
  ),
  'an app module listens to what is loaded': patching(
    `const load = Module._load; const seen = []; Module._load = (name, ...rest) => (seen.push(name), load(name, ...rest)); exports.seen = seen;`,
    { lib: ``, dep: `require('lib');` },
    {
      app: `const { seen } = require('./first.cjs'); require('dep'); const report = () => seen.filter((name) => name === 'lib' || name === 'dep');`,
      told: /_load/,
    },
  ),
  'an app module registers hooks that a static import comes too early for': {
    app: `import './first.mjs'; import { seen } from 'dep'; const report = () => seen;`,
    files: {
      'first.mjs': `import { register } from 'node:module'; register('./hooks.mjs', import.meta.url);`,
      'hooks.mjs': HOOKS,
    },
    esm: { dep: `export const seen = 'original';` },
  },
  'a CommonJS app registers hooks with module.registerHooks() before it requires': {
    skip: withoutSyncHooks,
    app: `require('./first.cjs'); const dep = require('dep'); const report = () => dep;`,
    entry: 'app.cjs',
    files: {
      'first.cjs': `require('module').registerHooks({ resolve: (name, context, next) => next(name === 'lib' ? 'other' : name, context) });`,
    },
    cjs: {
      lib: `module.exports = 'lib';`,
      other: `module.exports = 'other';`,
      dep: `module.exports = require('lib');`,
    },
    told: /registerHooks/,
  },
  'a dependency registers hooks through which an app module is loaded': {
    app: `import 'dep'; const { value } = await import('./late.mjs'); const report = () => value;`,
    files: {
      'late.mjs': `export const value = 'original';`,
      'node_modules/dep/hooks.mjs': HOOKS.replace('/node_modules/dep/', '/late.mjs'),
    },
    esm: { dep: `import { register } from 'node:module'; register('./hooks.mjs', import.meta.url);` },
  },
  'a dependency registers hooks too late for the modules of the app that come first': {
    app: `import { value } from './first.mjs'; import 'dep'; const report = () => value;`,
    files: {
      'first.mjs': `export const value = 'original';`,
      'node_modules/dep/hooks.mjs': HOOKS.replace('/node_modules/dep/', '/first.mjs'),
    },
    esm: { dep: `import { register } from 'node:module'; register('./hooks.mjs', import.meta.url);` },
  },
  'a dependency adds an extension that the app uses afterwards': {
    app: `require('dep'); const text = require('./data.txt'); const report = () => text;`,
    entry: 'app.cjs',
    files: { 'data.txt': 'text' },
    cjs: {
      dep: `require('module')._extensions['.txt'] = (module, file) => { module.exports = require('fs').readFileSync(file, 'utf8'); };`,
    },
  },
  'a dependency adds an extension for which the app has tried before': {
    app: `const first = require('./first.cjs'); require('dep'); const report = () => first;`,
    entry: 'app.cjs',
    files: {
      'first.cjs': `try { module.exports = require('./data.txt'); } catch (error) { module.exports = error.name; }`,
      'data.txt': '{ not: "javascript" }',
    },
    cjs: {
      dep: `require('module')._extensions['.txt'] = (module, file) => { module.exports = require('fs').readFileSync(file, 'utf8'); };`,
    },
  },
  'a dependency patches Module._load after the app has loaded its modules': {
    app: `const first = require('./first.cjs'); require('dep'); const report = () => [first, require('lib')];`,
    entry: 'app.cjs',
    files: { 'first.cjs': `module.exports = require('lib');` },
    cjs: {
      lib: `module.exports = 'real';`,
      dep: `const Module = require('module'); const load = Module._load; Module._load = (name, ...rest) => (name === 'lib' ? 'mocked' : load(name, ...rest));`,
    },
  },
  'a script that --require names patches Module._load': {
    app: `const dep = require('dep'); const report = () => dep;`,
    entry: 'app.cjs',
    files: {
      'setup.cjs': `const Module = require('module'); const load = Module._load; Module._load = (name, ...rest) => (name === 'lib' ? 'mocked' : load(name, ...rest));`,
    },
    cjs: { lib: `module.exports = 'real';`, dep: `module.exports = require('lib');` },
    execArgv: ['--require', './setup.cjs'],
  },
});
