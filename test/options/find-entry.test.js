import assert from 'node:assert/strict';
import path from 'node:path';
import { test } from 'node:test';
import { findEntry } from '../../dist/options/find-entry.js';
import { project } from './project.js';

const FILES = { 'server.js': '', 'src/app.ts': '', 'with space/app.mjs': '', 'lib/notes.txt': '' };

/** What is found for a package.json, the entry relative to its folder. */
function found(t, content, from = '.') {
  const folder = project(t, { 'package.json': content, ...FILES });
  const { exec, ...rest } = findEntry(path.join(folder, from));
  return { exec: path.relative(folder, exec), ...rest };
}

const PLAIN = { args: [], execArgv: [], flags: {}, env: {} };

test('main comes first, then the scripts start and dev', (t) => {
  const scripts = { start: 'node src/app.ts', dev: 'nodemon server.js' };
  assert.deepEqual(found(t, { main: 'server.js', scripts }), { ...PLAIN, exec: 'server.js', from: 'main' });
  assert.deepEqual(found(t, { scripts }), { ...PLAIN, exec: 'src/app.ts', from: 'scripts.start' });
  assert.deepEqual(found(t, { scripts: { dev: scripts.dev } }), { ...PLAIN, exec: 'server.js', from: 'scripts.dev' });
  assert.deepEqual(found(t, { main: 'server.js' }, 'src'), { ...PLAIN, exec: 'server.js', from: 'main' });
});

test('a file that is not there, or no program, is passed over', (t) => {
  const scripts = { start: 'vite', dev: 'tsx watch src/app.ts' };
  assert.equal(found(t, { main: 'index.js', scripts }).exec, 'src/app.ts');
  assert.equal(found(t, { main: 'lib/notes.txt', scripts }).exec, 'src/app.ts');
  assert.equal(found(t, { main: 'src', scripts }).exec, 'src/app.ts');
});

for (const [script, expected] of [
  ['node server.js', {}],
  ['node ./server.js --port 3000', { args: ['--port', '3000'] }],
  ['PORT=3000 NAME="a b" node server.js', { env: { PORT: '3000', NAME: 'a b' } }],
  ['cross-env NODE_ENV=development nodemon server.js', { env: { NODE_ENV: 'development' } }],
  [
    'node -r dotenv/config --env-file=.env --max-old-space-size=200 server.js',
    { execArgv: ['-r', 'dotenv/config', '--env-file=.env', '--max-old-space-size=200'] },
  ],
  [
    'node --watch --inspect=9229 --enable-source-maps server.js',
    { execArgv: ['--enable-source-maps'], flags: { inspect: '9229' } },
  ],
  ['node --inspect-brk server.js --inspect', { args: ['--inspect'], flags: { inspectBrk: true } }],
  ['nodemon --watch src --ext js,ts --exec "node" server.js', {}],
  [
    'node --import ./src/app.ts -r ./src/app.ts server.js',
    { execArgv: ['--import', './src/app.ts', '-r', './src/app.ts'] },
  ],
  ['nodemon -w src/app.ts --ignore server.js -C server.js', {}],
  ["tsx watch 'with space/app.mjs' -v", { exec: 'with space/app.mjs', args: ['-v'] }],
]) {
  test(`of the script ${script}`, (t) => {
    const expectedEntry = { ...PLAIN, exec: 'server.js', from: 'scripts.dev', ...expected };
    assert.deepEqual(found(t, { scripts: { dev: script } }), expectedEntry);
  });
}

test('a script for a shell is none of ours', (t) => {
  for (const script of [
    'npm run build && node server.js',
    'node server.js | pino-pretty',
    'node $(cat entry)/server.js',
  ])
    assert.throws(() => found(t, { scripts: { start: script } }), { code: 'ENTRY_MISSING' });
});

test('what was looked at is told', (t) => {
  const message = (content) => {
    try {
      found(t, content);
    } catch (error) {
      assert.equal(error.code, 'ENTRY_MISSING');
      return error.message;
    }
    return undefined;
  };
  assert.match(message({}), /package\.json has neither "main" nor a script "start" or "dev"; pass the entry file/);
  assert.match(
    message({ main: 'gone.js', scripts: { start: 'vite' } }),
    /names no file that is there .*\("main": "gone\.js", "start": "vite"\); pass the entry file/,
  );
  assert.throws(() => findEntry('/'), { code: 'ENTRY_MISSING', message: /no package\.json in \/ or above it/ });
});
