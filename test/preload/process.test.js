import { testCases, testMoreCases } from './cases.js';

const before = (first, seen, told) => ({
  app: `import './first.mjs'; import { seen } from 'dep'; const report = () => seen;`,
  files: { 'first.mjs': first },
  esm: { dep: seen },
  told,
});

testCases({
  'an app module listens to an event of the process, and a dependency counts': before(
    `process.on('SIGUSR2', () => {});`,
    `export const seen = process.listenerCount('SIGUSR2');`,
    /SIGUSR2|listen/,
  ),
  'an app module and a dependency listen to the same event': {
    app: `import { heard } from 'log'; import './first.mjs'; import 'dep';
const report = () => { heard.length = 0; process.emit('round'); return heard; };`,
    files: { 'first.mjs': `import { heard } from 'log'; process.on('round', () => heard.push('app'));` },
    esm: {
      log: `export const heard = [];`,
      dep: `import { heard } from 'log'; process.on('round', () => heard.push('dep'));`,
    },
    told: /round|listen|uses log/,
  },
  'a dependency listens to an event that only it hears': {
    app: `import { first } from './first.mjs'; import 'dep'; const report = () => [first, process.listenerCount('round')];`,
    files: { 'first.mjs': `export const first = 1;` },
    esm: { dep: `process.on('round', () => {});` },
    preloads: 'all',
  },
  'an app module changes the working folder': before(
    `import { mkdirSync } from 'node:fs'; mkdirSync('inner', { recursive: true }); process.chdir('inner');`,
    `import path from 'node:path'; export const seen = [path.basename(process.cwd()), path.basename(path.resolve('.'))];`,
    /chdir|working|cwd/i,
  ),
  'an app module changes process.argv': before(
    `process.argv.push('--verbose');`,
    `export const seen = process.argv.includes('--verbose');`,
    /argv/,
  ),
});

testMoreCases({
  'an app module overrides process.emit': before(
    `const { emit } = process; process.emit = function quietEmit(...args) { return emit.apply(this, args); };`,
    `const { emit } = process; export const seen = emit.name;`,
    /emit/,
  ),
  'a dependency listens, and an app module has counted before': {
    app: `import { seen } from './first.mjs'; import 'dep'; const report = () => [seen, process.listenerCount('round')];`,
    files: { 'first.mjs': `export const seen = process.listenerCount('round');` },
    esm: { dep: `process.on('round', () => {});` },
    told: /round|listen/,
  },
  'a dependency removes all listeners, among them those of an app module': {
    app: `import './first.mjs'; import 'dep'; const report = () => process.listenerCount('round');`,
    files: { 'first.mjs': `process.on('round', () => {});` },
    esm: { dep: `process.removeAllListeners('round');` },
    told: /round|listen/,
  },
  'a dependency emits an event of the process while it is evaluated': {
    app: `import { heard } from './first.mjs'; import 'dep'; const report = () => heard;`,
    files: { 'first.mjs': `export const heard = []; process.on('round', (value) => heard.push(value));` },
    esm: { dep: `process.emit('round', 'loaded');` },
    told: /round|listen/,
  },
  'an app module listens to an event for which no dependency asks': {
    app: `import './first.mjs'; import { seen } from 'dep'; const report = () => [seen, process.listenerCount('round')];`,
    files: { 'first.mjs': `process.on('round', () => {});` },
    esm: { dep: `export const seen = 1;` },
    preloads: 'all',
  },
  'a dependency reads a file relative to the working folder that an app module has changed': {
    ...before(
      `process.chdir('inner');`,
      `import { readFileSync } from 'node:fs'; export const seen = readFileSync('name.txt', 'utf8');`,
      /chdir|working|cwd/i,
    ),
    files: { 'first.mjs': `process.chdir('inner');`, 'inner/name.txt': 'inner', 'name.txt': 'outer' },
  },
  'an app module silences warnings before a dependency warns': {
    app: `import { heard } from './first.mjs'; import 'dep'; const report = () => heard;`,
    files: {
      'first.mjs': `export const heard = []; process.emitWarning = (message) => heard.push(String(message));`,
    },
    esm: { dep: `process.emitWarning('dep is deprecated', 'DeprecationWarning');` },
    told: /emitWarning/,
  },
  'an app module replaces process.argv': before(
    `process.argv = ['node', 'app', '--verbose'];`,
    `export const seen = process.argv.slice(2);`,
    /argv/,
  ),
  'an app module sets properties of the process': before(
    `process.title = 'mine'; process.exitCode = 3; process.noDeprecation = true; process.setMaxListeners(50); process.umask(0o27);`,
    `export const seen = [process.title, process.exitCode ?? null, process.noDeprecation ?? null, process.getMaxListeners(), process.umask()];`,
    /title|exitCode|noDeprecation|[mM]axListeners|umask/,
  ),
  'an app module adds a property to the process': before(
    `process.browser = false; process.appSettings = 1;`,
    `export const seen = process.appSettings ?? null;`,
    /process\.browser/,
  ),
  'an app module claims uncaught exceptions': before(
    `process.setUncaughtExceptionCaptureCallback(() => {});`,
    `export const seen = process.hasUncaughtExceptionCaptureCallback();`,
    undefined,
  ),
  'an app module replaces process.nextTick and timers before a dependency captures them': before(
    `const { nextTick } = process; process.nextTick = function tracedTick(...args) { return nextTick(...args); };
     const { setTimeout: original } = globalThis; globalThis.setTimeout = function tracedTimeout(...args) { return original(...args); };`,
    `const { nextTick } = process; const later = setTimeout; export const seen = [nextTick.name, later.name];`,
    /nextTick|setTimeout/,
  ),
  'an app module replaces process.stdout.write before a dependency prints': {
    app: `import { written } from './first.mjs'; import 'dep'; const report = () => written;`,
    files: {
      'first.mjs': `export const written = []; process.stdout.write = (text) => { written.push(String(text)); return true; };`,
    },
    esm: { dep: `console.log('from the dependency');` },
    told: /stdout|write/,
  },
  'an app module enters an async context in which a dependency is evaluated': {
    app: `import './first.mjs'; import { seen } from 'dep'; const report = () => seen;`,
    files: { 'first.mjs': `import { storage } from 'context'; storage.enterWith('app');` },
    esm: {
      context: `import { AsyncLocalStorage } from 'node:async_hooks'; export const storage = new AsyncLocalStorage();`,
      dep: `import { storage } from 'context'; export const seen = storage.getStore() ?? null;`,
    },
  },
  'an app module writes a file that a dependency reads': {
    app: `import './first.mjs'; import { seen } from 'dep'; const report = () => seen;`,
    files: {
      'first.mjs': `import { writeFileSync } from 'node:fs'; writeFileSync('written.txt', String(process.pid));`,
    },
    esm: {
      dep: `import { readFileSync } from 'node:fs'; export const seen = readFileSync('written.txt', 'utf8') === String(process.pid);`,
    },
  },
});
