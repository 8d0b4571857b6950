import { testCases, testMoreCases } from './cases.js';

testCases({
  'dependencies keep their order between the modules of the app': {
    app: `import './one.mjs'; import './two.mjs'; import 'a'; import { order } from 'order'; const report = () => order;`,
    files: {
      'one.mjs': `import './deep.mjs'; import 'c'; export const one = 1;`,
      'deep.mjs': `import 'd'; export const deep = 1;`,
      'two.mjs': `import 'b'; export const two = 2;`,
    },
    esm: {
      order: `export const order = [];`,
      a: `import { order } from 'order'; order.push('a');`,
      b: `import { order } from 'order'; order.push('b');`,
      c: `import 'd'; import { order } from 'order'; order.push('c');`,
      d: `import { order } from 'order'; order.push('d');`,
    },
    preloads: 'some',
  },
  'a dependency with top-level await': {
    app: `import './first.mjs'; import { seen } from 'dep'; const report = () => seen;`,
    files: { 'first.mjs': `export const first = 1;` },
    esm: {
      dep: `import { setTimeout } from 'node:timers/promises'; await setTimeout(5); export const seen = 'awaited';`,
    },
    preloads: 'all',
  },
  'an app module with top-level await sets a variable, and a dependency beside it does not wait': {
    app: `import './first.mjs'; import { seen } from 'dep'; const report = () => [seen, process.env.API_URL];`,
    files: {
      'first.mjs': `import { setTimeout } from 'node:timers/promises'; await setTimeout(5); process.env.API_URL = 'set';`,
    },
    esm: { dep: `export const seen = process.env.API_URL ?? null;` },
  },
  'a cycle in the app, with a dependency in between': {
    app: `import { a } from './a.mjs'; import { seen } from 'dep'; const report = () => [a(), seen];`,
    files: {
      'a.mjs': `import { b } from './b.mjs'; export const a = () => b(); process.env.SET_BY_A = 'yes';`,
      'b.mjs': `import { a } from './a.mjs'; import { seen } from 'dep'; export const b = () => [typeof a, seen];`,
    },
    esm: { dep: `export const seen = process.env.SET_BY_A ?? null;` },
  },
  'a cycle between packages, entered at the second one first': {
    app: `import { second } from './first.mjs'; import one from 'one'; const report = () => [one, second];`,
    files: { 'first.mjs': `import two from 'two'; export const second = two;` },
    cjs: {
      one: `exports.name = 'one'; exports.seenOfTwo = Object.keys(require('two'));`,
      two: `exports.name = 'two'; exports.seenOfOne = Object.keys(require('one'));`,
    },
  },
  'what the app imports dynamically depends on a file that a save changes': {
    app: `import { readFileSync } from 'node:fs'; const name = readFileSync('choice.txt', 'utf8').trim(); const { seen } = await import(name); const report = () => seen;`,
    esm: {
      odd: `export const seen = ['odd', globalThis.EVEN ?? null];`,
      even: `globalThis.EVEN = 1; export const seen = 'even';`,
    },
    vary: (version) => ({ 'choice.txt': version % 2 ? 'odd' : 'even' }),
  },
  'a module of the app begins to set a variable': {
    app: `import './first.mjs'; import { seen } from 'dep'; const report = () => seen;`,
    files: { 'first.mjs': '' },
    esm: { dep: `export const seen = process.env.API_URL ?? null;` },
    vary: (version) => ({
      'first.mjs': version > 2 ? `process.env.API_URL = 'set';` : `export const first = ${version};`,
    }),
    told: /API_URL/,
  },
  'a module of the app that patches a built-in moves before a dependency that reads it': {
    app: `import { seen } from './parts.mjs'; const report = () => seen;`,
    files: {
      'first.mjs': `export const first = 1;`,
      'late.mjs': `globalThis.fetch = () => 'patched';`,
      'parts.mjs': '',
    },
    esm: { dep: `export const seen = String(globalThis.fetch).includes('patched');` },
    vary: (version) => ({
      'parts.mjs':
        version > 2
          ? `import './first.mjs'; import './late.mjs'; export { seen } from 'dep';`
          : `import './first.mjs'; export { seen } from 'dep'; import './late.mjs'; // ${version}`,
    }),
  },
  'a dependency that the app imports at request time': {
    app: `import { seen } from 'dep'; const report = async () => { process.env.API_URL = 'set'; return [seen, (await import('late')).seen]; };`,
    esm: {
      dep: `export const seen = process.env.API_URL ?? null;`,
      late: `export const seen = process.env.API_URL ?? null;`,
    },
  },
  'a dependency loads a module of the app that a save changes': {
    app: `import { config } from 'dep'; const report = () => config;`,
    files: { 'app.config.mjs': '' },
    esm: {
      dep: `import path from 'node:path'; import { pathToFileURL } from 'node:url'; export const { default: config } = await import(pathToFileURL(path.resolve('app.config.mjs')));`,
    },
    vary: (version) => ({ 'app.config.mjs': `export default ${version};` }),
  },
  'a dependency reads a file of the app that a save changes, and that nobody watches': {
    app: `import { config } from 'dep'; const report = () => config;`,
    files: { 'config.json': '' },
    esm: {
      dep: `import { readFileSync } from 'node:fs'; export const config = JSON.parse(readFileSync('config.json'));`,
    },
    vary: (version) => ({ 'config.json': `{ "version": ${version} }` }),
  },
  'a dependency changes on disk': {
    app: `import { value } from 'dep'; const report = () => value;`,
    esm: { dep: '' },
    vary: (version) => ({ 'node_modules/dep/index.js': `export const value = ${version};` }),
  },
});

testMoreCases({
  'a CommonJS entry requires everything at its top, and then sets what a dependency has read': {
    app: `const { seen } = require('dep'); const own = require('./own.cjs'); process.env.API_URL = 'set'; const report = () => [seen, own];`,
    entry: 'app.cjs',
    files: { 'own.cjs': `exports.seen = require('other').seen; process.env.OTHER_URL = 'set';` },
    cjs: {
      dep: `exports.seen = process.env.API_URL ?? null;`,
      other: `exports.seen = process.env.OTHER_URL ?? null;`,
    },
    preloads: 'all',
  },
  'a CommonJS entry takes a function of a built-in module before a dependency patches it': {
    app: `const { get } = require('node:http'); require('patcher'); const report = () => [get.isPatched ?? null, require('node:http').get.isPatched];`,
    entry: 'app.cjs',
    cjs: { patcher: `require('node:http').get = Object.assign(() => {}, { isPatched: true });` },
  },
  'a CommonJS entry reads a variable before a dependency sets it': {
    app: `const seen = process.env.SET_BY_DEP; require('dep'); const report = () => [seen ?? null, process.env.SET_BY_DEP];`,
    entry: 'app.cjs',
    cjs: { dep: `process.env.SET_BY_DEP = 'yes';` },
  },
  'a save puts code before what a CommonJS entry required at its top': {
    app: `require('./first.cjs'); const { seen } = require('dep'); const report = () => seen;`,
    entry: 'app.cjs',
    files: { 'first.cjs': `require('other');` },
    cjs: { dep: `exports.seen = process.env.API_URL ?? null;`, other: `exports.other = 1;` },
    vary: (version) => ({
      'first.cjs': version > 2 ? `process.env.API_URL = 'set'; require('other');` : `require('other'); // ${version}`,
    }),
  },
  'an app without any dependency': {
    app: `import { a } from './a.mjs'; const report = () => a;`,
    files: { 'a.mjs': `export const a = 1;` },
    preloads: 'none',
  },
  'dependencies alone': {
    app: `import { order } from 'order'; import 'a'; import 'b'; import 'c'; const report = () => order;`,
    esm: {
      order: `export const order = [];`,
      a: `import { order } from 'order'; order.push('a');`,
      b: `import 'c'; import { order } from 'order'; order.push('b');`,
      c: `import { order } from 'order'; order.push('c');`,
    },
    preloads: 'all',
  },
  'an app module with top-level await sets a variable before it awaits': {
    app: `import './first.mjs'; import { seen } from 'dep'; const report = () => seen;`,
    files: { 'first.mjs': `process.env.API_URL = 'set'; await null; process.env.API_URL = 'set later';` },
    esm: { dep: `export const seen = process.env.API_URL ?? null;` },
    told: /API_URL/,
  },
  'an app module awaits a dependency that it imports after it has set a variable': {
    app: `import { seen } from './first.mjs'; const report = () => seen;`,
    files: { 'first.mjs': `process.env.API_URL = 'set'; export const { seen } = await import('dep');` },
    esm: { dep: `export const seen = process.env.API_URL ?? null;` },
    // What import() loads is left to the app.
    preloads: 'none',
  },
  'two dependencies with top-level await, beside one without': {
    app: `import { order } from 'order'; import './first.mjs'; import 'slow'; import 'fast'; import 'sync'; const report = () => order;`,
    files: { 'first.mjs': `import 'first'; await null;` },
    esm: {
      order: `export const order = [];`,
      first: `import { order } from 'order'; order.push('first');`,
      slow: `import { order } from 'order'; order.push('slow begins'); await new Promise((resolve) => setTimeout(resolve, 50)); order.push('slow ends');`,
      fast: `import { order } from 'order'; order.push('fast begins'); await new Promise((resolve) => setTimeout(resolve, 10)); order.push('fast ends');`,
      sync: `import { order } from 'order'; order.push('sync');`,
    },
  },
  'a dependency with top-level await that the app imports dynamically': {
    app: `import { order } from 'order'; const pending = import('dep'); order.push('app'); await pending; const report = () => order;`,
    esm: {
      order: `export const order = [];`,
      dep: `import { order } from 'order'; order.push('begins'); await null; order.push('ends');`,
    },
  },
  'a cycle in a CommonJS app shows its unfinished exports': {
    app: `const a = require('./a.cjs'); const report = () => a;`,
    entry: 'app.cjs',
    files: {
      'a.cjs': `exports.early = 1; exports.fromB = require('./b.cjs'); exports.dep = require('dep');`,
      'b.cjs': `const dep = require('dep'); module.exports = { ofA: { ...require('./a.cjs') }, dep };`,
    },
    cjs: { dep: `module.exports = 'dep';` },
    preloads: 'all',
  },
  'a cycle between ES packages whose outcome depends on where it is entered': {
    app: `import './first.mjs'; import { seen } from 'two'; import { own } from 'one'; const report = () => [seen, own];`,
    files: { 'first.mjs': `import { own } from 'one'; export { own };` },
    esm: {
      one: `import { seen } from 'two'; export const own = 'one:' + seen;`,
      two: `import { own } from 'one'; export let seen; try { seen = own; } catch (error) { seen = error.name; }`,
    },
    preloads: 'some',
  },
  'a cycle between packages, half of which the app changes from outside': {
    app: `import './first.mjs'; import { name } from 'one'; const report = () => name;`,
    files: { 'first.mjs': `import { setName } from 'two'; setName('app');` },
    esm: {
      one: `import { get } from 'two'; export const name = get(); export const other = 1;`,
      two: `import 'three'; let value = 'two'; export const get = () => value; export const setName = (name) => { value = name; };`,
      three: `export const three = 3;`,
    },
  },
  'a module of the app no longer imports a dependency': {
    app: `import { seen } from './first.mjs'; const report = () => [seen, typeof globalThis.MADE_BY_DEP];`,
    files: { 'first.mjs': '' },
    esm: { dep: `globalThis.MADE_BY_DEP = 1;` },
    vary: (version) => ({ 'first.mjs': `${version === 2 ? '' : `import 'dep';`} export const seen = ${version};` }),
  },
  'a module of the app imports its dependencies in another order': {
    app: `import { order } from 'order'; import './first.mjs'; const report = () => order;`,
    files: { 'first.mjs': '' },
    esm: {
      order: `export const order = [];`,
      a: `import { order } from 'order'; order.push('a');`,
      b: `import { order } from 'order'; order.push('b');`,
    },
    vary: (version) => ({ 'first.mjs': version % 2 ? `import 'a'; import 'b';` : `import 'b'; import 'a';` }),
  },
  'a module of the app comes to stand before a dependency that reads': {
    app: `import './list.mjs'; import { seen } from 'dep'; const report = () => seen;`,
    files: { 'list.mjs': '', 'env.mjs': `process.env.API_URL = 'set';` },
    esm: { dep: `export const seen = process.env.API_URL ?? null;` },
    vary: (version) => ({ 'list.mjs': version === 3 ? `import './env.mjs';` : `export const list = ${version};` }),
  },
  'a dependency that the app requires at request time': {
    app: `const report = () => { globalThis.ANSWERING = true; return require('late'); };`,
    entry: 'app.cjs',
    cjs: { late: `module.exports = typeof ANSWERING;` },
  },
  'a dependency that is required in a branch': {
    app: `import { createRequire } from 'node:module'; const require = createRequire(import.meta.url); const wanted = process.env.WANTED ? require('dep') : null; const report = () => [wanted, typeof globalThis.MADE_BY_DEP];`,
    cjs: { dep: `globalThis.MADE_BY_DEP = 1; module.exports = 'dep';` },
    env: { WANTED: '1' },
    preloads: 'none',
  },
  'a dependency requires a file of the app that a save changes': {
    app: `const config = require('dep'); const report = () => config;`,
    entry: 'app.cjs',
    files: { 'config.json': '' },
    cjs: { dep: `module.exports = require(require('path').resolve('config.json'));` },
    vary: (version) => ({ 'config.json': `{ "version": ${version} }` }),
  },
  'a dependency lists a folder of the app that a save fills': {
    app: `import { names } from 'dep'; const report = () => names;`,
    esm: { dep: `import { readdirSync } from 'node:fs'; export const names = readdirSync('plugins').length;` },
    vary: (version) => ({ 'plugins/a.txt': 'a', 'plugins/b.txt': version > 2 ? 'b' : undefined }),
  },
  'a dependency looks whether a file of the app is there': {
    app: `import { found } from 'dep'; const report = () => found;`,
    esm: { dep: `import { existsSync } from 'node:fs'; export const found = existsSync('local.txt');` },
    vary: (version) => ({ 'local.txt': version > 2 ? 'x' : undefined }),
  },
  'a dependency reads the package.json of the app, which changes': {
    app: `import { version } from 'dep'; const report = () => version;`,
    esm: {
      dep: `import { readFileSync } from 'node:fs'; export const { version } = JSON.parse(readFileSync('package.json', 'utf8'));`,
    },
    vary: (version) => ({ 'package.json': `{ "name": "app", "version": "1.0.${version}" }` }),
  },
  'a dependency of a dependency changes on disk': {
    app: `const value = require('outer'); const report = () => value;`,
    entry: 'app.cjs',
    cjs: { outer: `module.exports = require('inner');`, inner: '' },
    vary: (version) => ({ 'node_modules/inner/index.js': `module.exports = ${version};` }),
  },
  'a dependency is replaced by another file of the package': {
    app: `import { value } from 'dep'; const report = () => value;`,
    esm: { dep: '' },
    files: {
      'node_modules/dep/odd.js': `export const value = 'odd';`,
      'node_modules/dep/even.js': `export const value = 'even';`,
    },
    vary: (version) => ({
      'node_modules/dep/package.json': JSON.stringify({
        name: 'dep',
        type: 'module',
        exports: version % 2 ? './odd.js' : './even.js',
      }),
    }),
  },
});
