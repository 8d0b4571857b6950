import { testCases, testMoreCases } from './cases.js';

/** An app whose module `first.mjs` is evaluated before the dependency, which notes what it sees. */
const before = (first, seen, told) => ({
  app: `import './first.mjs'; import { seen } from 'dep'; const report = () => seen;`,
  files: { 'first.mjs': first },
  esm: { dep: seen },
  told,
});

testCases({
  'an app module makes a global that a dependency reads': before(
    `globalThis.SETTINGS = { a: 1 };`,
    `export const seen = globalThis.SETTINGS?.a ?? null;`,
    /SETTINGS/,
  ),
  'a dependency reads the global as a plain name': before(
    `globalThis.SETTINGS = { a: 1 };`,
    `export const seen = typeof SETTINGS === 'undefined' ? null : SETTINGS;`,
    /SETTINGS/,
  ),
  'an app module makes a global after a dependency has looked for it': {
    app: `import { seen } from 'dep'; import './first.mjs'; const report = () => [seen, SETTINGS];`,
    files: { 'first.mjs': `globalThis.SETTINGS = 1;` },
    esm: { dep: `export const seen = typeof globalThis.SETTINGS;` },
    preloads: 'all',
  },
  'a script that an app module runs declares a lexical name, which is no property of the global': before(
    `import vm from 'node:vm'; vm.runInThisContext('const SCRIPT_CONST = 1; class ScriptClass {}');`,
    `export const seen = [typeof SCRIPT_CONST, typeof ScriptClass];`,
    undefined,
  ),
  'an app module extends Array.prototype': before(
    `Object.defineProperty(Array.prototype, 'lastOne', { value() { return this.at(-1); }, configurable: true });`,
    `export const seen = typeof [].lastOne;`,
    /Array|lastOne/,
  ),
  'an app module adds BigInt.prototype.toJSON': before(
    `BigInt.prototype.toJSON = function () { return String(this); };`,
    `export let seen; try { seen = JSON.stringify({ n: 1n }); } catch (error) { seen = error.name; }`,
    /BigInt/,
  ),
  'an app module patches http before a dependency captures its functions': before(
    `import http from 'node:http'; const { request } = http; http.request = function traced(...args) { return request(...args); };
     const { createServer } = http; http.createServer = function tracedServer(...args) { return createServer(...args); };`,
    `import http from 'node:http'; const { request, createServer } = http; export const seen = [request.name, createServer.name];`,
    /http/,
  ),
  'an app module patches http for named imports, too': before(
    `import http from 'node:http'; import { syncBuiltinESMExports } from 'node:module';
     http.request = function traced() {}; syncBuiltinESMExports();`,
    `import { request } from 'node:http'; const captured = request; export const seen = captured.name;`,
    /http/,
  ),
  'an app module sets the defaults of built-in modules': before(
    `import dns from 'node:dns'; import events from 'node:events'; import net from 'node:net'; import util from 'node:util';
     dns.setDefaultResultOrder('ipv4first'); net.setDefaultAutoSelectFamily(false); events.defaultMaxListeners = 3; util.inspect.defaultOptions.depth = 0;`,
    `import dns from 'node:dns'; import net from 'node:net'; import util from 'node:util'; import { EventEmitter } from 'node:events';
     export const seen = [dns.getDefaultResultOrder(), net.getDefaultAutoSelectFamily(), new EventEmitter().getMaxListeners(), util.inspect({ a: { b: {} } })];`,
    undefined,
  ),
  'a dependency makes a global for which an app module has looked before': {
    app: `import { seen } from './reader.mjs'; import 'dep'; const report = () => [seen, MADE_BY_DEP];`,
    files: { 'reader.mjs': `export const seen = typeof MADE_BY_DEP;` },
    esm: { dep: `globalThis.MADE_BY_DEP = 1;` },
    told: /MADE_BY_DEP/,
  },
});

testMoreCases({
  'an app module overwrites fetch before a dependency captures it': before(
    `globalThis.fetch = function fakeFetch() {};`,
    `const { fetch } = globalThis; export const seen = fetch.name;`,
    /fetch/,
  ),
  'a dependency walks through the globals with for … in': before(
    `globalThis.APP_SETTINGS = 1;`,
    `export const seen = []; for (const name in globalThis) if (name.startsWith('APP_')) seen.push(name);`,
    /APP_SETTINGS/,
  ),
  'an app module defines a global with a getter': before(
    `Object.defineProperty(globalThis, 'SETTINGS', { get: () => 42, configurable: true });`,
    `export const seen = globalThis.SETTINGS ?? null;`,
    /SETTINGS/,
  ),
  'an app module makes a global with a symbol that a dependency looks up': before(
    `globalThis[Symbol.for('registry')] = ['app'];`,
    `export const seen = globalThis[Symbol.for('registry')] ?? null;`,
    /registry/,
  ),
  'an app module deletes a global that a dependency looks for': before(
    `delete globalThis.structuredClone;`,
    `export const seen = typeof structuredClone;`,
    /structuredClone/,
  ),
  'a dependency reads the global at request time only': {
    app: `import './first.mjs'; import { see } from 'dep'; const report = () => see();`,
    files: { 'first.mjs': `globalThis.SETTINGS = 1;` },
    esm: { dep: `export const see = () => globalThis.SETTINGS;` },
    preloads: 'all',
  },
  'an app module makes a global that no dependency reads': {
    app: `import './first.mjs'; import { seen } from 'dep'; const report = () => [seen, SETTINGS];`,
    files: { 'first.mjs': `globalThis.SETTINGS = 1;` },
    esm: { dep: `export const seen = typeof globalThis.OTHERS;` },
    preloads: 'all',
  },
  'a sloppy app module makes a global by assignment': {
    app: `require('./first.cjs'); const { seen } = require('dep'); const report = () => seen;`,
    entry: 'app.cjs',
    files: { 'first.cjs': `SETTINGS = 'sloppy';` },
    cjs: { dep: `exports.seen = typeof SETTINGS;` },
    told: /SETTINGS/,
  },
  'a script that an app module runs declares globals': before(
    `import vm from 'node:vm'; vm.runInThisContext('var SCRIPT_VAR = 1; function SCRIPT_FUNCTION() {}');`,
    `export const seen = [typeof SCRIPT_VAR, typeof SCRIPT_FUNCTION];`,
    /into V8/,
  ),
  'an app module replaces console.log before a dependency captures it': before(
    `console.log = function quietLog() {};`,
    `const { log } = console; export const seen = log.name;`,
    /console/,
  ),
  'an app module replaces the console': before(
    `globalThis.console = { log() {}, name: 'mine' };`,
    `export const seen = console.name ?? null;`,
    /console/,
  ),
  'an app module overwrites String.prototype.trim': before(
    `String.prototype.trim = function () { return 'trimmed'; };`,
    `export const seen = ' a '.trim();`,
    /String|trim/,
  ),
  'an app module extends Object.prototype': before(
    `Object.prototype.inherited = true;`,
    `export const seen = []; for (const name in {}) seen.push(name);`,
    /Object|inherited/,
  ),
  'an app module freezes Array.prototype before a dependency extends it': before(
    `Object.freeze(Array.prototype);`,
    `export let seen = 'extended'; try { Array.prototype.mine = 1; delete Array.prototype.mine; } catch (error) { seen = error.name; }`,
    /Array/,
  ),
  'an app module fakes the clock': before(
    `Date.now = () => 42; globalThis.Date = class FakeDate extends Date {};`,
    `export const seen = [Date.now(), Date.name];`,
    /Date/,
  ),
  'an app module fakes chance': before(`Math.random = () => 0.5;`, `export const seen = Math.random();`, /Math|random/),
  'an app module replaces JSON.stringify before a dependency captures it': before(
    `const { stringify } = JSON; JSON.stringify = (value, ...rest) => (value === 'x' ? 'patched' : stringify(value, ...rest));`,
    `const { stringify } = JSON; export const seen = stringify('x');`,
    /JSON|stringify/,
  ),
  'an app module replaces Promise before a dependency extends it': before(
    `globalThis.Promise = class TracedPromise extends Promise {};`,
    `class Mine extends Promise {} export const seen = Object.getPrototypeOf(Mine).name;`,
    /Promise/,
  ),
  'an app module sets how errors are told': before(
    `Error.stackTraceLimit = 1; Error.prepareStackTrace = (error, frames) => 'frames: ' + frames.length;`,
    `export const seen = new Error('x').stack;`,
    /Error|stackTraceLimit|prepareStackTrace/,
  ),
  'an app module patches a method of http.Server': before(
    `import http from 'node:http'; const { emit } = http.Server.prototype;
     http.Server.prototype.emit = function tracedEmit(...args) { return emit.apply(this, args); };`,
    `import http from 'node:http'; const { emit } = http.Server.prototype; export const seen = emit.name;`,
    /http|emit/,
  ),
  'an app module patches fs before a dependency captures its functions': {
    app: `require('./first.cjs'); const { seen } = require('dep'); const report = () => seen;`,
    entry: 'app.cjs',
    files: { 'first.cjs': `const fs = require('fs'); fs.readFile = function gracefulReadFile() {};` },
    cjs: { dep: `exports.seen = require('fs').readFile.name;` },
    told: /\bfs\b|readFile/,
  },
  'an app module replaces the agent of all requests before a dependency captures it': before(
    `import http from 'node:http'; http.globalAgent = new http.Agent({ maxSockets: 3 });`,
    `import http from 'node:http'; const { globalAgent } = http; export const seen = String(globalAgent.maxSockets);`,
    /http|globalAgent/,
  ),
  'an app module sets a property of the agent that a dependency copies': before(
    `import http from 'node:http'; http.globalAgent.maxSockets = 3;`,
    `import http from 'node:http'; export const seen = String(http.globalAgent.maxSockets);`,
    undefined,
  ),
  'an app module subscribes to a channel that a dependency asks for subscribers': before(
    `import { subscribe } from 'node:diagnostics_channel'; subscribe('dep', () => {});`,
    `import { channel } from 'node:diagnostics_channel'; export const seen = channel('dep').hasSubscribers;`,
    undefined,
  ),
  'an app module subscribes to a channel on which a dependency publishes while it is evaluated': {
    app: `import { heard } from './first.mjs'; import 'dep'; const report = () => heard;`,
    files: {
      'first.mjs': `import { subscribe } from 'node:diagnostics_channel'; export const heard = []; subscribe('dep', (message) => heard.push(message));`,
    },
    esm: { dep: `import { channel } from 'node:diagnostics_channel'; channel('dep').publish('loaded');` },
  },
  'an app module sets a flag of V8': before(
    `import v8 from 'node:v8'; v8.setFlagsFromString('--expose-gc');`,
    `import vm from 'node:vm'; export const seen = vm.runInNewContext('typeof gc');`,
    undefined,
  ),
  'a dependency makes a global that an app module reads afterwards': {
    app: `import 'dep'; import { seen } from './reader.mjs'; const report = () => seen;`,
    files: { 'reader.mjs': `export const seen = globalThis.MADE_BY_DEP ?? null;` },
    esm: { dep: `globalThis.MADE_BY_DEP = 1;` },
    preloads: 'all',
  },
  'a dependency replaces a global that an app module has captured before': {
    app: `import { seen } from './reader.mjs'; import 'dep'; const report = () => [seen, fetch.name];`,
    files: { 'reader.mjs': `const captured = fetch; export const seen = captured.name;` },
    esm: { dep: `globalThis.fetch = function depFetch() {};` },
    told: /fetch/,
  },
  'a dependency extends a prototype before which an app module has looked': {
    app: `import { seen } from './reader.mjs'; import 'dep'; const report = () => [seen, typeof [].depMethod];`,
    files: { 'reader.mjs': `export const seen = typeof [].depMethod;` },
    esm: {
      dep: `Object.defineProperty(Array.prototype, 'depMethod', { value() {}, configurable: true, writable: true });`,
    },
    told: /Array|depMethod/,
  },
  'a dependency patches http, which an app module has captured before': {
    app: `import { seen } from './reader.mjs'; import 'dep'; const report = () => seen;`,
    files: {
      'reader.mjs': `import http from 'node:http'; const { request } = http; export const seen = request.name;`,
    },
    esm: { dep: `import http from 'node:http'; http.request = function depRequest() {};` },
    told: /http/,
  },
  'a dependency adds a method only where an app module has not': {
    app: `import './first.mjs'; import 'dep'; const report = () => [].groupUp();`,
    files: {
      'first.mjs': `Object.defineProperty(Array.prototype, 'groupUp', { value: () => 'app', configurable: true, writable: true });`,
    },
    esm: {
      dep: `if (!Array.prototype.groupUp) Object.defineProperty(Array.prototype, 'groupUp', { value: () => 'dep', configurable: true, writable: true });`,
    },
  },
  'the app and a dependency wrap the same function one after the other': {
    app: `import './first.mjs'; import 'dep'; const report = () => globalThis.structuredClone('x');`,
    files: {
      'first.mjs': `const clone = structuredClone; globalThis.structuredClone = (value) => 'app(' + clone(value) + ')';`,
    },
    esm: { dep: `const clone = structuredClone; globalThis.structuredClone = (value) => 'dep(' + clone(value) + ')';` },
    told: /structuredClone/,
  },
});
