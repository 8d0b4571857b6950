import { testCases, testMoreCases } from './cases.js';

/** The app's module does something to the package `lib`, which `dep` then uses while it is evaluated. */
const touching = (lib, first, dep, rest = {}) => ({
  app: `import './first.mjs'; import { seen } from 'dep'; const report = () => seen;`,
  files: { 'first.mjs': first },
  esm: { dep },
  cjs: { lib },
  ...rest,
});

testCases({
  'an app module overwrites a method of a package that another one captures': touching(
    `module.exports = { query() { return 'original'; } };`,
    `import lib from 'lib'; lib.query = () => 'patched';`,
    `import lib from 'lib'; export const seen = lib.query();`,
  ),
  'an app module sets a property of an exported function': touching(
    `module.exports = function lib() { return lib.level; }; module.exports.level = 'info';`,
    `import lib from 'lib'; lib.level = 'debug';`,
    `import lib from 'lib'; export const seen = lib();`,
  ),
  'an app module configures a package through a function': touching(
    `const settings = new Map(); exports.set = (key, value) => settings.set(key, value); exports.get = (key) => settings.get(key);`,
    `import { set } from 'lib'; set('region', 'eu');`,
    `import { get } from 'lib'; export const seen = get('region') ?? null;`,
  ),
  'a package numbers what it makes, first for an app module': {
    ...touching(
      `let next = 1; exports.id = () => next++;`,
      `import { id } from 'lib'; export const mine = id();`,
      `import { id } from 'lib'; export const seen = id();`,
    ),
    app: `import { mine } from './first.mjs'; import { seen } from 'dep'; const report = () => [mine, seen];`,
  },
  'a dependency patches a package that an app module has captured before': {
    ...touching(
      `module.exports = { query() { return 'original'; } };`,
      `import lib from 'lib'; const { query } = lib; export const captured = query();`,
      `import lib from 'lib'; lib.query = () => 'patched';`,
    ),
    app: `import lib from 'lib'; import { captured } from './first.mjs'; import 'dep'; const report = () => [captured, lib.query()];`,
  },
  'the app and a dependency share a package that keeps nothing': {
    ...touching(
      `exports.Base = class Base {};`,
      `import { Base } from 'lib'; export class Mine extends Base {}`,
      `import { Base } from 'lib'; export const isBase = (value) => value instanceof Base;`,
    ),
    app: `import { Mine } from './first.mjs'; import { isBase } from 'dep'; const report = () => isBase(new Mine());`,
    // That it keeps nothing can't be known.
    preloads: undefined,
  },
});

testMoreCases({
  'a dependency configures a package before an app module uses it, in that order': {
    ...touching(
      `module.exports = { level: 'info' };`,
      `import lib from 'lib'; export const captured = lib.level;`,
      `import lib from 'lib'; lib.level = 'debug';`,
    ),
    app: `import 'dep'; import { captured } from './first.mjs'; const report = () => captured;`,
    preloads: 'all',
  },
  'an app module patches a class of a package': touching(
    `exports.Query = class Query { exec() { return 'original'; } };`,
    `import { Query } from 'lib'; Query.prototype.exec = () => 'patched';`,
    `import { Query } from 'lib'; export const seen = new Query().exec();`,
  ),
  'an app module adds an export to a package': touching(
    `exports.a = 1;`,
    `import lib from 'lib'; lib.b = 2;`,
    `import lib from 'lib'; export const seen = Object.keys(lib);`,
  ),
  'an app module configures a package through a private field of an exported instance': touching(
    `class Lib { #plugins = []; use(plugin) { this.#plugins.push(plugin); } make() { return [...this.#plugins]; } } module.exports = new Lib();`,
    `import lib from 'lib'; lib.use('app');`,
    `import lib from 'lib'; export const seen = lib.make();`,
  ),
  'an app module registers a plugin with which a dependency makes its instance': touching(
    `const plugins = []; module.exports = () => Object.assign({}, ...plugins); module.exports.extend = (plugin) => plugins.push(plugin);`,
    `import lib from 'lib'; lib.extend({ relative: 'plugin' });`,
    `import lib from 'lib'; export const seen = lib().relative ?? null;`,
  ),
  'a package keeps a list in the order of registration': {
    ...touching(
      `const list = []; exports.register = (name) => list.push(name); exports.list = list;`,
      `import { register } from 'lib'; register('app');`,
      `import { register } from 'lib'; register('dep');`,
    ),
    app: `import { list } from 'lib'; import './first.mjs'; import 'dep'; const report = () => list;`,
  },
  'a package emits while a dependency is evaluated, and an app module listens': {
    ...touching(
      `module.exports = new (require('events'))();`,
      `import lib from 'lib'; export const heard = []; lib.on('loaded', (name) => heard.push(name));`,
      `import lib from 'lib'; lib.emit('loaded', 'dep');`,
    ),
    app: `import { heard } from './first.mjs'; import 'dep'; const report = () => heard;`,
  },
  'an app module changes an object that an ES module exports': {
    app: `import './first.mjs'; import { seen } from 'dep'; const report = () => seen;`,
    files: { 'first.mjs': `import { options } from 'lib'; options.pretty = true;` },
    esm: {
      lib: `export const options = { pretty: false };`,
      dep: `import { options } from 'lib'; export const seen = options.pretty;`,
    },
  },
  'an app module sets a live binding of an ES module': {
    app: `import './first.mjs'; import { seen } from 'dep'; const report = () => seen;`,
    files: { 'first.mjs': `import { setLevel } from 'lib'; setLevel('debug');` },
    esm: {
      lib: `export let level = 'info'; export const setLevel = (value) => { level = value; };`,
      dep: `import { level } from 'lib'; export const seen = level;`,
    },
  },
  'an app module patches a value it got from a package, not a package itself': {
    app: `import './first.mjs'; import { seen } from 'dep'; const report = () => seen;`,
    files: { 'first.mjs': `import { make } from 'lib'; Object.getPrototypeOf(make()).name = 'patched';` },
    esm: {
      lib: `class Thing {} Thing.prototype.name = 'original'; export const make = () => new Thing();`,
      dep: `import { make } from 'lib'; export const seen = make().name;`,
    },
  },
  'an app module freezes the exports of a package that a dependency wants to patch': touching(
    `module.exports = { query() { return 'original'; } };`,
    `import lib from 'lib'; Object.freeze(lib);`,
    `import lib from 'lib'; try { lib.query = () => 'patched'; } catch {} export const seen = lib.query();`,
  ),
  'the entry changes the exports of a package after everybody has loaded it': {
    ...touching(
      `module.exports = { query() { return 'original'; } };`,
      `export const own = 1;`,
      `import lib from 'lib'; export const seen = lib.query();`,
    ),
    app: `import lib from 'lib'; import { seen } from 'dep'; lib.query = () => 'patched'; const report = () => [seen, lib.query()];`,
    preloads: 'all',
  },
  'an app module puts a fake in require.cache': {
    app: `require('./first.cjs'); const { seen } = require('dep'); const report = () => seen;`,
    entry: 'app.cjs',
    files: {
      'first.cjs': `const file = require.resolve('lib'); require.cache[file] = { id: file, filename: file, loaded: true, exports: 'fake' };`,
    },
    cjs: { lib: `module.exports = 'real';`, dep: `exports.seen = require('lib');` },
  },
  'an app module takes a package out of require.cache': {
    app: `const first = require('./first.cjs'); const { seen } = require('dep'); const report = () => [first.id, seen];`,
    entry: 'app.cjs',
    files: { 'first.cjs': `module.exports = require('lib'); delete require.cache[require.resolve('lib')];` },
    cjs: {
      counter: `exports.next = 1;`,
      lib: `exports.id = require('counter').next++;`,
      dep: `exports.seen = require('lib').id;`,
    },
  },
  'an app module asks require.cache whether a package is loaded': {
    app: `const first = require('./first.cjs'); require('dep'); const report = () => first;`,
    entry: 'app.cjs',
    files: { 'first.cjs': `module.exports = require.resolve('dep') in require.cache;` },
    cjs: { dep: `exports.seen = 1;` },
  },
  'an app module lists the loaded modules': {
    app: `const first = require('./first.cjs'); require('dep'); const report = () => first;`,
    entry: 'app.cjs',
    files: {
      'first.cjs': `module.exports = Object.keys(require.cache).filter((file) => file.includes('node_modules/dep/')).length;`,
    },
    cjs: { dep: `exports.seen = 1;` },
  },
});
