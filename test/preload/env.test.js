import { testCases, testMoreCases } from './cases.js';

testCases({
  'an app module sets a variable that a dependency reads': {
    app: `import './env.mjs'; import { seen } from 'dep'; const report = () => seen;`,
    files: { 'env.mjs': `process.env.API_URL = 'set';` },
    esm: { dep: `export const seen = process.env.API_URL ?? null;` },
    told: /API_URL/,
  },
  'an app module sets a variable after a dependency has read it': {
    app: `import { seen } from 'dep'; import './env.mjs'; const report = () => [seen, process.env.API_URL];`,
    files: { 'env.mjs': `process.env.API_URL = 'set';` },
    esm: { dep: `export const seen = process.env.API_URL ?? null;` },
    preloads: 'all',
  },
  'a dependency reads a variable at request time only': {
    app: `import './env.mjs'; import { see } from 'dep'; const report = () => see();`,
    files: { 'env.mjs': `process.env.API_URL = 'set';` },
    esm: { dep: `export const see = () => process.env.API_URL;` },
    preloads: 'all',
  },
  'an app module sets a variable that no dependency reads': {
    app: `import './env.mjs'; import { seen } from 'dep'; const report = () => [seen, process.env.API_URL];`,
    files: { 'env.mjs': `process.env.API_URL = 'set';` },
    esm: { dep: `export const seen = process.env.OTHER_URL ?? null;` },
    preloads: 'all',
  },
  'a dependency filters the names of all variables, and an app module has set one of those': {
    app: `import './env.mjs'; import { seen } from 'dep'; const report = () => seen;`,
    files: { 'env.mjs': `process.env.LOGGER_DEPTH = '3';` },
    esm: { dep: `export const seen = Object.keys(process.env).filter((name) => /^logger_/i.test(name));` },
  },
  'an app module replaces process.env': {
    app: `import './env.mjs'; import { seen } from 'dep'; const report = () => seen;`,
    files: { 'env.mjs': `process.env = { ...process.env, API_URL: 'set' };` },
    esm: { dep: `export const seen = process.env.API_URL ?? null;` },
    told: /process\.env|environment|API_URL/,
  },
  'an app module loads a file of variables with process.loadEnvFile()': {
    app: `import './env.mjs'; import { seen } from 'dep'; const report = () => seen;`,
    files: { 'env.mjs': `process.loadEnvFile('settings.env');`, 'settings.env': 'FROM_FILE=yes\n' },
    esm: { dep: `export const seen = process.env.FROM_FILE ?? null;` },
    told: /FROM_FILE|loadEnvFile/,
  },
  'only one of three dependencies reads what an app module sets': {
    app: `import { a } from 'a'; import './env.mjs'; import { b } from 'b'; import { c } from 'c'; const report = () => [a, b, c];`,
    files: { 'env.mjs': `process.env.API_URL = 'set';` },
    esm: {
      a: `export const a = process.env.API_URL ?? null;`,
      b: `export const b = process.env.API_URL ?? null;`,
      c: `export const c = process.env.UNRELATED ?? null;`,
    },
    told: /API_URL/,
  },
  'a dependency sets a variable that an app module has read before': {
    app: `import { seen } from './reader.mjs'; import 'dep'; const report = () => [seen, process.env.SET_BY_DEP];`,
    files: { 'reader.mjs': `export const seen = process.env.SET_BY_DEP ?? null;` },
    esm: { dep: `process.env.SET_BY_DEP = 'yes';` },
    told: /SET_BY_DEP/,
  },
  'the time zone is set by an app module and used by a dependency': {
    app: `import './env.mjs'; import { seen } from 'dep'; const report = () => seen;`,
    files: { 'env.mjs': `process.env.TZ = 'Asia/Tokyo';` },
    esm: { dep: `export const seen = new Date(2020, 0, 1).getTimezoneOffset();` },
    told: /\bTZ\b/,
  },
});

testMoreCases({
  'a dependency copies all variables': {
    app: `import './env.mjs'; import { seen } from 'dep'; const report = () => seen.API_URL;`,
    files: { 'env.mjs': `process.env.API_URL = 'set';` },
    esm: { dep: `export const seen = { ...process.env };` },
    told: /API_URL/,
  },
  'the entry sets a variable that a dependency has read': {
    app: `import { seen } from 'dep'; process.env.API_URL = 'set'; const report = () => [seen, process.env.API_URL];`,
    esm: { dep: `export const seen = process.env.API_URL ?? null;` },
    preloads: 'all',
  },
  'an app module deletes a variable that a dependency reads': {
    app: `import './env.mjs'; import { seen } from 'dep'; const report = () => seen;`,
    files: { 'env.mjs': `delete process.env.API_URL;` },
    esm: { dep: `export const seen = process.env.API_URL ?? null;` },
    env: { API_URL: 'inherited' },
    told: /API_URL/,
  },
  'an app module sets a variable to the value that it has': {
    app: `import './env.mjs'; import { seen } from 'dep'; const report = () => seen;`,
    files: { 'env.mjs': `process.env.API_URL = 'inherited';` },
    esm: { dep: `export const seen = process.env.API_URL ?? null;` },
    env: { API_URL: 'inherited' },
  },
  'an app module gives a variable its default': {
    app: `import './env.mjs'; import { seen } from 'dep'; const report = () => seen;`,
    files: { 'env.mjs': `process.env.MODE_OF_APP ??= 'development';` },
    esm: { dep: `export const seen = process.env.MODE_OF_APP ?? null;` },
    told: /MODE_OF_APP/,
  },
  'a dependency asks whether a variable exists': {
    app: `import './env.mjs'; import { seen } from 'dep'; const report = () => seen;`,
    files: { 'env.mjs': `process.env.API_URL = '';` },
    esm: { dep: `export const seen = ['API_URL' in process.env, Object.hasOwn(process.env, 'API_URL')];` },
    told: /API_URL/,
  },
  'a dependency filters the names of all variables, and an app module has set another one': {
    app: `import './env.mjs'; import { seen } from 'dep'; const report = () => seen;`,
    files: { 'env.mjs': `process.env.API_URL = 'set';` },
    esm: {
      dep: `export const seen = Object.keys(process.env).filter((name) => /^logger_/i.test(name)).map((name) => process.env[name]);`,
    },
    env: { LOGGER_DEPTH: '3' },
  },
  'a dependency walks through all variables with for … in': {
    app: `const env = require('./env.cjs'); const { seen } = require('dep'); const report = () => seen;`,
    entry: 'app.cjs',
    files: { 'env.cjs': `process.env.WALKED_ONE = '1';` },
    cjs: {
      dep: `exports.seen = []; for (const name in process.env) if (name.startsWith('WALKED_')) exports.seen.push(process.env[name]);`,
    },
    told: /WALKED_ONE/,
  },
  'an app module replaces process.env by a proxy that counts': {
    app: `import { reads } from './env.mjs'; import 'dep'; const report = () => reads.filter((name) => name === 'API_URL').length;`,
    files: {
      'env.mjs': `export const reads = []; process.env = new Proxy(process.env, { get: (env, name) => (reads.push(name), env[name]) });`,
    },
    esm: { dep: `export const seen = process.env.API_URL ?? null;` },
    told: /process\.env|environment|API_URL/,
  },
  'an app module assigns and defines many variables': {
    app: `import './env.mjs'; import { seen } from 'dep'; const report = () => seen;`,
    files: {
      'env.mjs': `Object.assign(process.env, { ASSIGNED_A: '1', ASSIGNED_B: '2' }); Object.defineProperty(process.env, 'DEFINED', { value: '3', configurable: true, writable: true, enumerable: true });`,
    },
    esm: {
      dep: `const { ASSIGNED_A, ASSIGNED_B, DEFINED } = process.env; export const seen = [ASSIGNED_A ?? null, ASSIGNED_B ?? null, DEFINED ?? null];`,
    },
    told: /ASSIGNED_A|DEFINED/,
  },
  'an app module keeps a reference to process.env and writes through it later': {
    app: `import './late.mjs'; import { seen } from 'dep'; const report = () => seen;`,
    files: {
      'env.mjs': `export const { env } = process;`,
      'late.mjs': `import { env } from './env.mjs'; env.API_URL = 'set';`,
    },
    esm: { dep: `const { env } = process; export const seen = env.API_URL ?? null;` },
    told: /API_URL/,
  },
  'a variable decides which file of a package is loaded': {
    app: `require('./env.cjs'); const dep = require('dep'); const report = () => dep;`,
    entry: 'app.cjs',
    files: {
      'env.cjs': `process.env.NODE_ENV = 'production';`,
      'node_modules/dep/production.js': `module.exports = 'production';`,
      'node_modules/dep/development.js': `module.exports = 'development';`,
    },
    cjs: {
      dep: `module.exports = process.env.NODE_ENV === 'production' ? require('./production.js') : require('./development.js');`,
    },
    told: /NODE_ENV/,
  },
  'a dependency of the dependency reads what an app module sets': {
    app: `import './env.mjs'; import { seen } from 'outer'; const report = () => seen;`,
    files: { 'env.mjs': `process.env.API_URL = 'set';` },
    esm: { outer: `export { seen } from 'inner';` },
    cjs: { inner: `exports.seen = process.env.API_URL || null;` },
    told: /API_URL/,
  },
  'a variable is set deep in the app and read by a dependency of another module': {
    app: `import './one.mjs'; import { seen } from './two.mjs'; const report = () => seen;`,
    files: {
      'one.mjs': `import './deep/one.mjs';`,
      'deep/one.mjs': `import './env.mjs';`,
      'deep/env.mjs': `process.env.API_URL = 'set';`,
      'two.mjs': `export { seen } from 'dep';`,
    },
    esm: { dep: `export const seen = process.env.API_URL ?? null;` },
    told: /API_URL/,
  },
  'a dependency sets a variable that an app module reads afterwards': {
    app: `import 'dep'; import { seen } from './reader.mjs'; const report = () => seen;`,
    files: { 'reader.mjs': `export const seen = process.env.SET_BY_DEP ?? null;` },
    esm: { dep: `process.env.SET_BY_DEP = 'yes';` },
    preloads: 'all',
  },
  'a dependency sets a variable before which an app module has listed all': {
    app: `import { seen } from './reader.mjs'; import 'dep'; const report = () => [seen, process.env.SET_BY_DEP];`,
    files: { 'reader.mjs': `export const seen = Object.keys(process.env).filter((name) => name.startsWith('SET_'));` },
    esm: { dep: `process.env.SET_BY_DEP = 'yes';` },
    told: /SET_BY_DEP/,
  },
  'a dependency gives a variable its default, and an app module had set it': {
    app: `import './env.mjs'; import 'dep'; const report = () => process.env.MODE_OF_APP;`,
    files: { 'env.mjs': `process.env.MODE_OF_APP ??= 'app';` },
    esm: { dep: `process.env.MODE_OF_APP ??= 'dependency';` },
    told: /MODE_OF_APP/,
  },
  'a dependency overwrites a variable that an app module had set': {
    app: `import './env.mjs'; import 'dep'; const report = () => process.env.MODE_OF_APP;`,
    files: { 'env.mjs': `process.env.MODE_OF_APP = 'app';` },
    esm: { dep: `process.env.MODE_OF_APP = 'dependency';` },
    told: /MODE_OF_APP/,
  },
  'an app module sets what Node itself reads for a dependency': {
    app: `import './env.mjs'; import { seen } from 'dep'; const report = () => seen;`,
    files: { 'env.mjs': `Object.assign(process.env, { HOME: '/nowhere', TMPDIR: '/elsewhere', FORCE_COLOR: '3' });` },
    esm: {
      dep: `import os from 'node:os'; import tty from 'node:tty';
export const seen = [os.homedir(), os.tmpdir(), tty.WriteStream.prototype.getColorDepth.call(null)];`,
    },
    env: { FORCE_COLOR: '0', HOME: '/somewhere', TMPDIR: '' },
    told: /HOME|TMPDIR|FORCE_COLOR/,
  },
  'a dependency runs a program that inherits the environment': {
    app: `import './env.mjs'; import { seen } from 'dep'; const report = () => seen;`,
    files: { 'env.mjs': `process.env.API_URL = 'set';` },
    esm: {
      dep: `import { execFileSync } from 'node:child_process'; export const seen = String(execFileSync('/bin/sh', ['-c', 'echo $API_URL']));`,
    },
    told: /API_URL/,
  },
  'a dependency starts a thread that inherits the environment': {
    app: `import './env.mjs'; import { seen } from 'dep'; const report = () => seen;`,
    files: { 'env.mjs': `process.env.API_URL = 'set';` },
    esm: {
      dep: `import { Worker } from 'node:worker_threads'; import { once } from 'node:events';
const worker = new Worker('require("worker_threads").parentPort.postMessage(process.env.API_URL ?? null)', { eval: true });
export const [seen] = await once(worker, 'message');`,
    },
    told: /goes on/,
  },
  'a module that --import names sets the variable': {
    app: `import { seen } from 'dep'; const report = () => seen;`,
    files: { 'setup.mjs': `process.env.API_URL = 'set';` },
    esm: { dep: `export const seen = process.env.API_URL ?? null;` },
    execArgv: ['--import', './setup.mjs'],
    preloads: 'all',
  },
});
