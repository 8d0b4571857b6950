import { existsSync } from 'node:fs';
import path from 'node:path';
import { ROOT } from '../helpers/project.js';
import { testCases, testMoreCases } from './cases.js';

const OPENTELEMETRY = ['@opentelemetry/api', '@opentelemetry/instrumentation', '@opentelemetry/instrumentation-http'];

/** Instruments http, and the package dep in such a way that one sees it. */
const instrument = (
  load,
) => `${load('@opentelemetry/instrumentation', 'InstrumentationBase, InstrumentationNodeModuleDefinition, registerInstrumentations')}
${load('@opentelemetry/instrumentation-http', 'HttpInstrumentation')}
class DepInstrumentation extends InstrumentationBase {
  constructor() { super('dep', '1.0.0', {}); }
  init() { return new InstrumentationNodeModuleDefinition('dep', ['*'], (exports) => { this._wrap(exports, 'query', () => () => 'traced'); return exports; }); }
}
registerInstrumentations({ instrumentations: [new HttpInstrumentation(), new DepInstrumentation()] });`;

const required = instrument((name, names) => `const { ${names} } = require('${name}');`);
// They are CommonJS packages, not all of whose names Node finds.
const imported = instrument((name, names) => {
  const local = name.replaceAll(/\W/g, '_');
  return `import ${local} from '${name}'; const { ${names} } = ${local};`;
});

const DEP = `exports.query = () => 'plain';`;
const CAPTURES = `const { query } = require('dep'); const http = require('http'); exports.seen = [query(), Boolean(http.request.__wrapped)];`;

// It is far too large to be installed for tests alone: the benchmarks have it.
const DD_TRACE = path.join(ROOT, 'bench/node_modules/dd-trace');
const datadog = (definition) => ({
  skip: !existsSync(DD_TRACE) && 'dd-trace is not installed: npm --prefix bench ci',
  links: { 'node_modules/dd-trace': DD_TRACE },
  env: {
    DD_INSTRUMENTATION_TELEMETRY_ENABLED: 'false',
    DD_REMOTE_CONFIGURATION_ENABLED: 'false',
    DD_TRACE_STARTUP_LOGS: 'false',
    DD_TRACE_AGENT_URL: 'http://127.0.0.1:9',
  },
  ...definition,
});

testCases({
  'Express, with routes in modules of the app that come first': {
    app: `import { routes } from './routes.mjs'; import express from 'express'; const app = express(); app.use(routes);
const report = () => [app.get('env'), typeof app.handle, routes.stack.length];`,
    files: {
      'routes.mjs': `import { Router } from 'express'; export const routes = Router(); routes.get('/', (request, response) => response.end('hello'));`,
    },
    installs: ['express'],
    preloads: 'all',
  },
  'Express, after a module of the app that sets a variable which nobody reads': {
    app: `import './env.mjs'; import express from 'express'; const app = express(); const report = () => app.get('env');`,
    files: { 'env.mjs': `process.env.PORT_OF_APP = '3000';` },
    installs: ['express'],
    preloads: 'all',
  },
  'debug, after a module of the app that sets DEBUG': {
    app: `import './env.mjs'; import debug from 'debug'; const report = () => [debug.enabled('app'), debug.inspectOpts.depth ?? null];`,
    files: { 'env.mjs': `process.env.DEBUG = 'app'; process.env.DEBUG_DEPTH = '3';` },
    installs: ['debug'],
    told: /DEBUG/,
  },
  'reflect-metadata first, then a package that needs it': {
    app: `import 'reflect-metadata'; import { Service } from './service.mjs'; import { tokensOf } from 'container'; const report = () => tokensOf(Service);`,
    files: {
      'service.mjs': `import { inject } from 'container'; export class Service {} Reflect.decorate([inject('db')], Service);`,
    },
    esm: {
      container: `if (!Reflect.getMetadata) throw new Error('needs reflect-metadata');
export const inject = (token) => (target) => Reflect.defineMetadata('tokens', [token], target); export const tokensOf = (target) => Reflect.getMetadata('tokens', target);`,
    },
    installs: ['reflect-metadata'],
    preloads: 'all',
  },
  'reflect-metadata after a module of the app that has looked for it': {
    app: `import { seen } from './first.mjs'; import 'reflect-metadata'; const report = () => [seen, typeof Reflect.metadata];`,
    files: { 'first.mjs': `export const seen = typeof Reflect.metadata;` },
    installs: ['reflect-metadata'],
    told: /Reflect|metadata/,
  },
  'OpenTelemetry, required first by a CommonJS app': {
    app: `require('./tracing.cjs'); const { seen } = require('captures'); const report = () => seen;`,
    entry: 'app.cjs',
    files: { 'tracing.cjs': required },
    cjs: { dep: DEP, captures: CAPTURES },
    installs: OPENTELEMETRY,
    told: /./,
  },
  'OpenTelemetry with hooks for ES modules, named by --import': {
    app: `import { query } from 'dep'; import captures from 'captures'; import http from 'node:http'; const report = () => [query(), captures.seen, Boolean(http.request.__wrapped)];`,
    files: {
      'tracing.mjs': `import { register } from 'node:module'; register('@opentelemetry/instrumentation/hook.mjs', import.meta.url); ${imported}`,
    },
    cjs: { captures: `exports.seen = Boolean(require('http').request.__wrapped);` },
    esm: { dep: `export let query = () => 'plain';` },
    installs: OPENTELEMETRY,
    execArgv: ['--import', './tracing.mjs'],
  },
  'dd-trace, started by a module of a CommonJS app': datadog({
    app: `const tracer = require('./tracing.cjs'); const { http } = require('dep'); const report = () => tracer.scope().active()?.context()._name ?? null;`,
    entry: 'app.cjs',
    files: { 'tracing.cjs': `module.exports = require('dd-trace').init();` },
    cjs: { dep: `exports.http = require('http');` },
  }),
  'TypeScript, whose module sets a variable': {
    app: `import './env.ts'; import { seen } from 'dep'; const report = (): string | null => seen;`,
    entry: 'app.ts',
    files: {
      'env.ts': `const value: string = 'set'; process.env.API_URL = value;`,
      'package.json': '{ "name": "app", "version": "1.0.0", "type": "module" }',
    },
    esm: { dep: `export const seen = process.env.API_URL ?? null;` },
    told: /API_URL/,
  },
});

testMoreCases({
  'Express, after a module of the app that sets NODE_ENV': {
    app: `import './env.mjs'; import express from 'express'; const app = express(); const report = () => app.get('env');`,
    files: { 'env.mjs': `process.env.NODE_ENV = 'production';` },
    installs: ['express'],
  },
  'Express, whose response a module of the app extends before a dependency captures it': {
    app: `import './first.mjs'; import { seen } from 'plugin'; const report = () => seen;`,
    files: { 'first.mjs': `import express from 'express'; express.response.done = function done() {};` },
    cjs: { plugin: `exports.seen = typeof require('express').response.done;` },
    installs: ['express'],
  },
  'debug, after a module of the app that sets another variable': {
    app: `import './env.mjs'; import debug from 'debug'; const report = () => debug.enabled('app');`,
    files: { 'env.mjs': `process.env.PORT_OF_APP = '3000';` },
    installs: ['debug'],
    preloads: 'all',
  },
  'debug, enabled by a module of the app before a dependency makes its logger': {
    app: `import './first.mjs'; import { seen } from 'dep'; const report = () => seen;`,
    files: { 'first.mjs': `import debug from 'debug'; debug.enable('dep');` },
    cjs: { dep: `exports.seen = require('debug')('dep').enabled;` },
    installs: ['debug'],
  },
  'reflect-metadata in a module of the app': {
    app: `import './polyfills.mjs'; import { Service } from './service.mjs'; import { tokensOf } from 'container'; const report = () => tokensOf(Service);`,
    files: {
      'polyfills.mjs': `import 'reflect-metadata';`,
      'service.mjs': `import { inject } from 'container'; export class Service {} Reflect.decorate([inject('db')], Service);`,
    },
    esm: {
      container: `if (!Reflect.getMetadata) throw new Error('needs reflect-metadata');
export const inject = (token) => (target) => Reflect.defineMetadata('tokens', [token], target); export const tokensOf = (target) => Reflect.getMetadata('tokens', target);`,
    },
    installs: ['reflect-metadata'],
    preloads: 'all',
  },
  'a module of the app decorates, and a dependency reads the metadata of what it finds in a registry': {
    app: `import './service.mjs'; import { found } from 'routing'; const report = () => found;`,
    files: { 'service.mjs': `import { controller } from 'registry'; class Users {} controller('/users')(Users);` },
    cjs: {
      registry: `require('reflect-metadata'); exports.classes = []; exports.controller = (path) => (target) => { Reflect.defineMetadata('path', path, target); exports.classes.push(target); };`,
      routing: `exports.found = require('registry').classes.map((target) => Reflect.getMetadata('path', target));`,
    },
    installs: ['reflect-metadata'],
  },
  'OpenTelemetry, required by a CommonJS app after the dependency': {
    app: `const { seen } = require('captures'); require('./tracing.cjs'); const report = () => [seen, require('dep').query()];`,
    entry: 'app.cjs',
    files: { 'tracing.cjs': required },
    cjs: { dep: DEP, captures: CAPTURES },
    installs: OPENTELEMETRY,
  },
  'OpenTelemetry, named by --require': {
    app: `const { seen } = require('captures'); const report = () => seen;`,
    entry: 'app.cjs',
    files: { 'tracing.cjs': required },
    cjs: { dep: DEP, captures: CAPTURES },
    installs: OPENTELEMETRY,
    execArgv: ['--require', './tracing.cjs'],
  },
  'OpenTelemetry, imported first by an ESM app': {
    app: `import './tracing.mjs'; import captures from 'captures'; const report = () => captures.seen;`,
    files: { 'tracing.mjs': imported },
    cjs: { dep: DEP, captures: CAPTURES },
    installs: OPENTELEMETRY,
    told: /./,
  },
  'OpenTelemetry with hooks for ES modules, registered by a module of the app': {
    app: `import './tracing.mjs'; const { query } = await import('dep'); const report = () => query();`,
    files: {
      'tracing.mjs': `import { register } from 'node:module'; register('@opentelemetry/instrumentation/hook.mjs', import.meta.url); ${imported}`,
    },
    esm: { dep: `export let query = () => 'plain';` },
    installs: OPENTELEMETRY,
    // What import() loads is left to the app.
    preloads: 'some',
  },
  'dd-trace, started first by a CommonJS app': datadog({
    app: `const tracer = require('dd-trace').init(); require('http'); const express = require('express'); const app = express();
const report = () => [tracer.scope().active()?.context()._name ?? null, express.application.handle.name];`,
    entry: 'app.cjs',
    installs: ['express'],
  }),
  'dd-trace, named by --import': datadog({
    app: `import tracer from 'dd-trace'; import http from 'node:http'; import express from 'express'; const app = express();
const report = () => [tracer.scope().active()?.context()._name ?? null, typeof http.request, typeof app.handle];`,
    installs: ['express'],
    execArgv: ['--import', 'dd-trace/initialize.mjs'],
  }),
  'TypeScript, whose module sets a variable that no dependency reads': {
    app: `import './env.ts'; import { seen } from 'dep'; const report = (): string | null => seen;`,
    entry: 'app.ts',
    files: {
      'env.ts': `const value: string = 'set'; process.env.API_URL = value;`,
      'package.json': '{ "name": "app", "version": "1.0.0", "type": "module" }',
    },
    esm: { dep: `export const seen = process.env.OTHER_URL ?? null;` },
    preloads: 'all',
  },
  'TypeScript without a type, which tsx makes CommonJS': {
    app: `import './env.ts'; import { seen } from 'dep'; const report = (): string | null => seen;`,
    entry: 'app.ts',
    files: { 'env.ts': `const value: string = 'set'; process.env.API_URL = value;` },
    cjs: { dep: `exports.seen = process.env.API_URL || null;` },
    told: /API_URL/,
  },
  'TypeScript without a type, which tsx makes CommonJS, and which imports the dependency first': {
    app: `import type { Unused } from 'types-only'; import { seen } from 'dep'; import './env.ts'; const report = (): string | null => seen;`,
    entry: 'app.ts',
    files: { 'env.ts': `const value: string = 'set'; process.env.API_URL = value;` },
    cjs: { dep: `exports.seen = process.env.API_URL || null;` },
    preloads: 'all',
  },
});
