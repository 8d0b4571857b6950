import { testCases, testMoreCases } from './cases.js';

const manifest = (fields) => JSON.stringify({ name: 'dep', version: '1.0.0', ...fields });

testCases({
  'an ESM app with a .cjs module that sets a variable': {
    app: `import './first.cjs'; import dep from 'dep'; const report = () => dep;`,
    files: { 'first.cjs': `process.env.API_URL = 'set'; require('other');` },
    cjs: { dep: `module.exports = process.env.API_URL || null;`, other: `` },
    told: /API_URL/,
  },
  'a CommonJS app requires an ES dependency': {
    app: `require('./first.cjs'); const { seen } = require('dep'); const report = () => seen;`,
    entry: 'app.cjs',
    files: { 'first.cjs': `process.env.API_URL = 'set';` },
    esm: { dep: `export const seen = process.env.API_URL ?? null;` },
    told: /API_URL/,
  },
  'a package has one file for import and one for require, and both are loaded': {
    app: `import { kind } from 'dep'; import other from './first.cjs'; const report = () => [kind, other.kind, other.settings === kind.settings];`,
    files: {
      'first.cjs': `module.exports = require('dep');`,
      'node_modules/dep/package.json': manifest({ exports: { import: './index.mjs', require: './index.cjs' } }),
      'node_modules/dep/index.mjs': `export const kind = 'import', settings = {};`,
      'node_modules/dep/index.cjs': `module.exports = { kind: 'require', settings: {} };`,
    },
  },
  'a workspace package, linked into node_modules, is code of the app': {
    app: `import { value } from 'lib'; import { seen } from 'dep'; const report = () => [value, seen];`,
    files: { 'packages/lib/index.js': '', 'packages/lib/package.json': '{ "name": "lib", "type": "module" }' },
    links: { 'node_modules/lib': '../packages/lib' },
    esm: { dep: `export const seen = typeof globalThis.FROM_WORKSPACE;` },
    vary: (version) => ({ 'packages/lib/index.js': `globalThis.FROM_WORKSPACE = 1; export const value = ${version};` }),
    told: /FROM_WORKSPACE/,
  },
  'JSON of a package, imported with an attribute and changed by the app': {
    app: `import './first.mjs'; import { seen } from 'dep'; const report = () => seen;`,
    files: {
      'first.mjs': `import data from 'dep/data.json' with { type: 'json' }; data.value = 'changed';`,
      'node_modules/dep/data.json': '{ "value": "original" }',
    },
    esm: { dep: `import data from './data.json' with { type: 'json' }; export const seen = data.value;` },
  },
  'one module of a package under several queries': {
    app: `import { id as one } from 'dep/index.js?v=1'; import { id as two } from 'dep/index.js?v=2'; import { id as none } from 'dep'; const report = () => [one, two, none];`,
    esm: {
      counter: `let next = 1; export const take = () => next++;`,
      dep: `import { take } from 'counter'; export const id = take();`,
    },
  },
  'a dependency that is missing, in a try': {
    app: `let found = 'yes'; try { require('missing'); } catch (error) { found = error.code; } const dep = require('dep'); const report = () => [found, dep];`,
    entry: 'app.cjs',
    cjs: { dep: `try { module.exports = require('missing-too'); } catch (error) { module.exports = error.code; }` },
    preloads: 'all',
  },
  'a dependency that throws when it is evaluated too early': {
    app: `import './first.mjs'; import { seen } from 'dep'; const report = () => seen;`,
    files: { 'first.mjs': `globalThis.container = { ready: true };` },
    esm: {
      dep: `if (!globalThis.container) throw new Error('no container yet'); export const seen = container.ready;`,
    },
    told: /container/,
  },
  'a dependency that ends the process when it is evaluated too early': {
    app: `import './first.mjs'; import { seen } from 'dep'; const report = () => seen;`,
    files: { 'first.mjs': `process.env.LICENSE = 'valid';` },
    esm: { dep: `if (!process.env.LICENSE) process.exit(3); export const seen = process.env.LICENSE;` },
    told: /LICENSE|exit/,
  },
});

testMoreCases({
  'createRequire in an ESM app': {
    app: `import { createRequire } from 'node:module'; import './first.mjs'; const require = createRequire(import.meta.url); const dep = require('dep'); const report = () => dep;`,
    files: { 'first.mjs': `globalThis.FIRST = 1;` },
    cjs: { dep: `module.exports = typeof FIRST;` },
    // What require() of an ES module loads is left to the app.
    preloads: 'none',
  },
  'an ESM app imports CommonJS dependencies': {
    app: `import dep, { named } from 'dep'; import './first.mjs'; const report = () => [dep, named];`,
    files: { 'first.mjs': `import 'other'; export const first = 1;` },
    cjs: { dep: `exports.named = 1;`, other: `exports.other = 1;` },
    preloads: 'all',
  },
  'a CommonJS app requires CommonJS dependencies': {
    app: `const first = require('./first.cjs'); const dep = require('dep'); const report = () => [first, dep];`,
    entry: 'app.cjs',
    files: { 'first.cjs': `module.exports = require('other');` },
    cjs: { dep: `module.exports = 'dep';`, other: `module.exports = 'other';` },
    preloads: 'all',
  },
  'a .js entry without a type is CommonJS': {
    app: `const dep = require('dep'); const report = () => [dep, typeof module];`,
    entry: 'app.js',
    cjs: { dep: `module.exports = 'dep';` },
    preloads: 'all',
  },
  'an ESM app and its .cjs module load the same dependency': {
    app: `import first from './first.cjs'; import dep from 'dep'; const report = () => first.dep === dep && dep.loads;`,
    files: { 'first.cjs': `exports.dep = require('dep');` },
    cjs: { dep: `exports.loads = (globalThis.loadsOfDep = (globalThis.loadsOfDep || 0) + 1);` },
    preloads: 'all',
  },
  'a CommonJS app imports an ES dependency': {
    app: `let seen; const report = async () => (await import('dep')).seen; exports.ready = import('dep').then((dep) => (seen = dep.seen));`,
    entry: 'app.cjs',
    esm: { dep: `export const seen = typeof require;` },
  },
  'the same ES dependency is required and imported': {
    app: `import * as imported from 'dep'; import required from './first.cjs'; const report = () => [imported.token === required.token, imported.loads];`,
    files: { 'first.cjs': `module.exports = { token: require('dep').token };` },
    esm: {
      dep: `export const token = {}; globalThis.loadsOfDep = (globalThis.loadsOfDep ?? 0) + 1; export const loads = globalThis.loadsOfDep;`,
    },
    preloads: 'all',
  },
  'a CommonJS dependency requires an ES dependency': {
    app: `import dep from 'dep'; import './first.mjs'; const report = () => dep.seen;`,
    files: { 'first.mjs': `export const first = 1;` },
    cjs: { dep: `exports.seen = require('inner').seen;` },
    esm: { inner: `export const seen = import.meta.url.endsWith('inner/index.js');` },
    preloads: 'all',
  },
  'a package with a condition of its own': {
    app: `import { kind } from 'dep'; const report = () => kind;`,
    files: {
      'node_modules/dep/package.json': manifest({
        type: 'module',
        exports: { development: './development.js', default: './index.js' },
      }),
      'node_modules/dep/development.js': `export const kind = 'development';`,
      'node_modules/dep/index.js': `export const kind = 'default';`,
    },
    execArgv: ['--conditions=development'],
  },
  'a package with two entry points that share a file': {
    app: `import { a } from 'dep/a'; import './first.mjs'; import { b } from 'dep/b'; const report = () => [a, b];`,
    files: {
      'first.mjs': `process.env.API_URL = 'set';`,
      'node_modules/dep/package.json': manifest({ type: 'module', exports: { './a': './a.js', './b': './b.js' } }),
      'node_modules/dep/shared.js': `export const loads = []; export const note = (name) => loads.push(name + ':' + process.env.API_URL);`,
      'node_modules/dep/a.js': `import { note } from './shared.js'; export const a = note('a');`,
      'node_modules/dep/b.js': `import { note, loads } from './shared.js'; note('b'); export const b = loads;`,
    },
    told: /API_URL/,
  },
  'a name of the app that stands for a dependency (#imports)': {
    app: `import { value } from '#dep'; const report = () => value;`,
    files: { 'package.json': JSON.stringify({ name: 'app', version: '1.0.0', imports: { '#dep': 'dep' } }) },
    esm: { dep: `export const value = 'dep';` },
  },
  'what a name of the app stands for changes with a save': {
    app: `import { value } from '#dep'; const report = () => value;`,
    esm: { odd: `export const value = 'odd';`, even: `export const value = 'even';` },
    vary: (version) => ({
      'package.json': JSON.stringify({
        name: 'app',
        version: '1.0.0',
        imports: { '#dep': version % 2 ? 'odd' : 'even' },
      }),
    }),
  },
  'a dependency imports a workspace package that a save changes': {
    app: `import { value } from 'dep'; const report = () => value;`,
    files: { 'packages/lib/index.js': '', 'packages/lib/package.json': '{ "name": "lib", "type": "module" }' },
    links: { 'node_modules/lib': '../packages/lib' },
    esm: { dep: `export { value } from 'lib';` },
    vary: (version) => ({ 'packages/lib/index.js': `export const value = ${version};` }),
  },
  'a dependency in a store of links': {
    app: `import { value } from 'dep'; import './first.mjs'; const report = () => value;`,
    files: {
      'first.mjs': `export const first = 1;`,
      'node_modules/.store/dep@1/node_modules/dep/package.json': manifest({ type: 'module' }),
      'node_modules/.store/dep@1/node_modules/dep/index.js': `import { inner } from 'inner'; export const value = 'dep of ' + inner;`,
      'node_modules/.store/dep@1/node_modules/inner/package.json': '{ "name": "inner", "type": "module" }',
      'node_modules/.store/dep@1/node_modules/inner/index.js': `export const inner = 'inner';`,
    },
    links: { 'node_modules/dep': '.store/dep@1/node_modules/dep' },
  },
  'two versions of one package': {
    app: `import { version } from 'lib'; import { inner } from 'dep'; const report = () => [version, inner];`,
    files: {
      'node_modules/dep/node_modules/lib/package.json': '{ "name": "lib", "type": "module" }',
      'node_modules/dep/node_modules/lib/index.js': `export const version = 2;`,
    },
    esm: { lib: `export const version = 1;`, dep: `export { version as inner } from 'lib';` },
    preloads: 'all',
  },
  'JSON of a package, imported with an attribute': {
    app: `import data from 'dep/data.json' with { type: 'json' }; const report = () => data;`,
    files: { 'node_modules/dep/data.json': '{ "value": 1 }' },
    esm: { dep: '' },
  },
  'a module of a package under a query that a save changes': {
    app: `import { first } from './first.mjs'; const report = () => first;`,
    files: { 'first.mjs': '' },
    esm: {
      counter: `let next = 1; export const take = () => next++;`,
      dep: `import { take } from 'counter'; export const id = take();`,
    },
    vary: (version) => ({ 'first.mjs': `import { id } from 'dep/index.js?v=${version}'; export const first = id;` }),
  },
  'a data: module of the app sets a variable': {
    app: `import 'data:text/javascript,process.env.API_URL="set"'; import { seen } from 'dep'; const report = () => seen;`,
    esm: { dep: `export const seen = process.env.API_URL ?? null;` },
    told: /API_URL/,
  },
  'a dependency that throws, in a try': {
    app: `let seen; try { require('dep'); } catch (error) { seen = error.message; } const report = () => [seen, process.env.TRIES];`,
    entry: 'app.cjs',
    cjs: { dep: `process.env.TRIES = Number(process.env.TRIES || 0) + 1; throw new Error('broken');` },
  },
  'a dependency that throws, imported in a try': {
    app: `let seen; try { await import('dep'); } catch (error) { seen = error.message; } const report = () => [seen, globalThis.tries];`,
    esm: { dep: `globalThis.tries = (globalThis.tries ?? 0) + 1; throw new Error('broken');` },
  },
  'a dependency that works at the second try only': {
    app: `let seen; try { require('dep'); } catch (error) { seen = [error.message, require('dep')]; } const report = () => seen;`,
    entry: 'app.cjs',
    cjs: {
      tries: `exports.count = 0;`,
      dep: `if (require('tries').count++ === 0) throw new Error('not yet'); module.exports = 'works';`,
    },
  },
  'a dependency that rejects later when it is evaluated too early': {
    app: `import './first.mjs'; import { seen } from 'dep'; const report = () => seen;`,
    files: { 'first.mjs': `globalThis.container = { ready: true };` },
    esm: {
      dep: `export const seen = typeof container; if (seen === 'undefined') setImmediate(() => { throw new Error('no container yet'); });`,
    },
    told: /goes on/,
  },
  'a dependency that ends the process for good when it is evaluated too early': {
    app: `import './first.mjs'; import { seen } from 'dep'; const report = () => seen;`,
    files: { 'first.mjs': `process.env.LICENSE = 'valid';` },
    esm: {
      dep: `if (!process.env.LICENSE) process.kill(process.pid, 'SIGKILL'); export const seen = process.env.LICENSE;`,
    },
  },
  'a dependency that never ends its evaluation when it comes too early': {
    app: `import './first.mjs'; import { seen } from 'dep'; const report = () => seen;`,
    files: { 'first.mjs': `process.env.LICENSE = 'valid';` },
    esm: {
      dep: `if (!process.env.LICENSE) await new Promise((resolve) => setInterval(resolve, 2 ** 30)); export const seen = process.env.LICENSE;`,
    },
    told: /does not end/,
  },
});
