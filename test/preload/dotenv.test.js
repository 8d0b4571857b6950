import { testCases, testMoreCases } from './cases.js';

const READS = `process.env.DOT_VALUE ?? null`;

/** A project with dotenv, a .env file, and a dependency that notes the value while it is evaluated. */
const dotenv = (app, rest = {}) => ({
  app: `${app}; const report = () => [seen, ${READS}];`,
  esm: { dep: `export const seen = ${READS};` },
  installs: ['dotenv'],
  ...rest,
  files: { '.env': 'DOT_VALUE=from the file\n', ...rest.files },
});

testCases({
  'dotenv/config is imported first': dotenv(`import 'dotenv/config'; import { seen } from 'dep'`, { preloads: 'all' }),
  'dotenv/config is imported after a module of the app that reads': dotenv(
    `import { seen } from './reader.mjs'; import 'dotenv/config'`,
    { files: { 'reader.mjs': `export const seen = ${READS};` }, esm: {}, told: /DOT_VALUE/ },
  ),
  'dotenv/config is imported by a module of the app': dotenv(`import './env.mjs'; import { seen } from 'dep'`, {
    files: { 'env.mjs': `import 'dotenv/config';` },
    preloads: 'all',
  }),
  'config() is called in the body of the entry': dotenv(
    `import dotenv from 'dotenv'; import { seen } from 'dep'; dotenv.config()`,
    { preloads: 'all' },
  ),
  'config() is called in a module of the app': dotenv(`import './env.mjs'; import { seen } from 'dep'`, {
    files: { 'env.mjs': `import dotenv from 'dotenv'; dotenv.config({ quiet: true });` },
    told: /DOT_VALUE/,
  }),
  'config() is called in a CommonJS entry before everything': dotenv(
    `require('dotenv').config(); const { seen } = require('dep')`,
    { entry: 'app.cjs', told: /DOT_VALUE/ },
  ),
  'the .env file changes with a save, dotenv/config first': dotenv(
    `import 'dotenv/config'; import { seen } from 'dep'`,
    {
      vary: (version) => ({ '.env': `DOT_VALUE=${version}\n` }),
    },
  ),
});

testMoreCases({
  'dotenv/config is imported first, then modules of the app': dotenv(
    `import 'dotenv/config'; import './reader.mjs'; import { seen } from 'dep'`,
    { files: { 'reader.mjs': `export const own = ${READS};` }, preloads: 'all' },
  ),
  'dotenv/config is imported after a module of the app': dotenv(
    `import './first.mjs'; import 'dotenv/config'; import { seen } from 'dep'`,
    { files: { 'first.mjs': `export const first = 1;` }, told: /DOT_VALUE/ },
  ),
  'dotenv/config is imported after the dependency': dotenv(`import { seen } from 'dep'; import 'dotenv/config'`, {
    preloads: 'all',
  }),
  'dotenv/config is imported after a module of the app that has set the value': dotenv(
    `import './first.mjs'; import 'dotenv/config'; import { seen } from 'dep'`,
    { files: { 'first.mjs': `process.env.DOT_VALUE = 'from the app';` }, told: /DOT_VALUE/ },
  ),
  'dotenv/config is told by a module of the app which file to read': dotenv(
    `import './first.mjs'; import 'dotenv/config'; import { seen } from 'dep'`,
    {
      files: {
        'first.mjs': `process.env.DOTENV_CONFIG_PATH = 'other.env';`,
        'other.env': 'DOT_VALUE=from another file\n',
      },
      told: /DOT_VALUE/,
    },
  ),
  'dotenv reads the folder to which a module of the app has changed': dotenv(
    `import './first.mjs'; import 'dotenv/config'; import { seen } from 'dep'`,
    {
      files: { 'first.mjs': `process.chdir('inner');`, 'inner/.env': 'DOT_VALUE=from the inner folder\n' },
      told: /DOT_VALUE/,
    },
  ),
  'config() is called in a module of the app after the dependency': dotenv(
    `import { seen } from 'dep'; import './env.mjs'`,
    { files: { 'env.mjs': `import { config } from 'dotenv'; config({ quiet: true });` }, preloads: 'all' },
  ),
  'config() is called in a CommonJS entry after everything': dotenv(
    `const { seen } = require('dep'); require('dotenv').config()`,
    { entry: 'app.cjs', preloads: 'all' },
  ),
  'dotenv/config is required in a CommonJS entry before everything': dotenv(
    `require('dotenv/config'); const { seen } = require('dep')`,
    { entry: 'app.cjs', preloads: 'all' },
  ),
  'dotenv/config is named by --import': dotenv(`import { seen } from 'dep'`, {
    execArgv: ['--import', 'dotenv/config'],
  }),
  'the .env file changes with a save, config() in a module of the app': dotenv(
    `import './env.mjs'; import { seen } from 'dep'`,
    {
      files: { 'env.mjs': `import dotenv from 'dotenv'; dotenv.config({ quiet: true });` },
      vary: (version) => ({ '.env': `DOT_VALUE=${version}\n` }),
    },
  ),
  'the .env file appears with a save': dotenv(`import 'dotenv/config'; import { seen } from 'dep'`, {
    vary: (version) => ({ '.env': version > 2 ? `DOT_VALUE=${version}\n` : undefined }),
  }),
});
