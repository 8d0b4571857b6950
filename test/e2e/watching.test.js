import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdir, rename, rm, unlink } from 'node:fs/promises';
import { test } from 'node:test';
import { request } from '../helpers/clients.js';
import { setUp } from '../helpers/fixture.js';

const server = (port, expression, imports = '') => `import http from 'node:http';
${imports}
http.createServer((request, response) => response.end(String(${expression}))).listen(${port}, '127.0.0.1');
`;

test('a file that a failed import was waiting for starts the app when it appears', async (t) => {
  const { port, project, primary } = await setUp(t, (port) => ({
    'app.mjs': server(port, 'value', `import { value } from './lib/late.mjs';`),
  }));
  const restarter = primary();
  await restarter.event('rolledBack');
  await mkdir(project.path('lib'));
  project.write({ 'lib/late.mjs': 'export const value = 42;' });
  await restarter.committed(1);
  assert.equal((await request(port)).body, '42');
});

test('imported and required modules are watched, however they were loaded', async (t) => {
  const { port, project, primary } = await setUp(t, (port) => ({
    'app.mjs': server(
      port,
      '[esm, cjs.a, json.a, (await import("./lazy.mjs")).a]',
      `import { esm } from './esm.mjs'; import cjs from './cjs.cjs'; import { createRequire } from 'node:module'; const json = createRequire(import.meta.url)('./data.json');`,
    ).replace('(request, response)', 'async (request, response)'),
    'esm.mjs': 'export const esm = 1;',
    'cjs.cjs': `module.exports = require('./reexported.cjs');`,
    'reexported.cjs': `module.exports = { a: require('./deep.cjs') };`,
    'deep.cjs': 'module.exports = 1;',
    'data.json': '{ "a": 1 }',
    'lazy.mjs': 'export const a = 1;',
  }));
  const restarter = primary();
  await restarter.committed(1);
  assert.equal((await request(port)).body, '1,1,1,1');
  const changes = {
    'esm.mjs': 'export const esm = 2;',
    'deep.cjs': 'module.exports = 2;',
    'reexported.cjs': `module.exports = { a: require('./deep.cjs') }; // changed`,
    'data.json': '{ "a": 2 }',
    'lazy.mjs': 'export const a = 2;',
  };
  let generation = 1;
  for (const [name, content] of Object.entries(changes)) {
    project.save(name, content);
    generation++;
    await restarter.committed(generation);
    await request(port);
  }
  assert.equal((await request(port)).body, '2,2,2,2');
});

test('a save with unchanged bytes, and a file that nobody loads, restart nothing', async (t) => {
  const { port, project, primary } = await setUp(t, (port) => ({ 'app.mjs': server(port, 1), 'other.mjs': '1' }));
  const restarter = primary();
  await restarter.committed(1);
  project.save('app.mjs', server(port, 1));
  project.write({ 'app.mjs': server(port, 1), 'other.mjs': '2' });
  project.save('app.mjs', server(port, 2));
  await restarter.committed(2);
  assert.equal((await request(port)).body, '2');
  assert.equal(restarter.all('change').length, 2);
});

test('explicit paths are watched, ignored ones are not', async (t) => {
  const { project, primary } = await setUp(t, (port) => ({
    'app.mjs': server(port, 1),
    'views/index.html': 'a',
    'views/debug.log': 'a',
  }));
  const restarter = primary({ watchPaths: ['views'], ignorePatterns: ['*.log'] });
  await restarter.committed(1);
  project.save('views/debug.log', 'b');
  project.save('views/index.html', 'b');
  const { reason } = await restarter.event('change', (change) => change.reason.length > 0);
  assert.deepEqual(reason, [project.path('views/index.html')]);
  await restarter.committed(2);
  project.write({ 'views/new/nested.html': 'c' });
  await restarter.committed(3);
});

test('a file that is deleted and comes back is served again', async (t) => {
  const { port, project, primary } = await setUp(t, (port) => ({
    'app.mjs': server(port, 'a', `import { a } from './lib/a.mjs';`),
    'lib/a.mjs': 'export const a = 1;',
  }));
  const restarter = primary();
  await restarter.committed(1);
  await unlink(project.path('lib/a.mjs'));
  assert.equal((await restarter.event('rolledBack')).serving, 1);
  assert.equal((await request(port)).body, '1');
  project.write({ 'lib/a.mjs': 'export const a = 2;' });
  await restarter.committed(2);
  assert.equal((await request(port)).body, '2');
});

test('a folder that is renamed away and back is noticed both times', async (t) => {
  const { port, project, primary } = await setUp(t, (port) => ({
    'app.mjs': server(port, 'a', `import { a } from './lib/a.mjs';`),
    'lib/a.mjs': 'export const a = 1;',
  }));
  const restarter = primary();
  await restarter.committed(1);
  await rename(project.path('lib'), project.path('gone'));
  await restarter.event('rolledBack');
  project.write({ 'gone/a.mjs': 'export const a = 2;' });
  await rename(project.path('gone'), project.path('lib'));
  await restarter.committed(2);
  assert.equal((await request(port)).body, '2');
  await rm(project.path('lib'), { recursive: true });
});

test('guarantee 5: ten saves within a second: the last one serves, no request fails', async (t) => {
  const { port, project, primary, load: startLoad } = await setUp(t, (port) => ({ 'app.mjs': server(port, 0) }));
  const restarter = primary();
  await restarter.committed(1);
  const load = startLoad({ clients: 4, method: 'GET' });
  for (let save = 1; save <= 10; save++) {
    project.save('app.mjs', server(port, save));
    await load.more(10);
  }
  for (;;) {
    if ((await request(port)).body === '10') break;
  }
  await load.stop();
  assert.deepEqual(load.failures, []);
});

const withoutGit = spawnSync('git', ['--version']).status !== 0 && 'git is not installed';

test(
  'git checkout of 300 files: one or two restarts, all of the new code, no request fails',
  { skip: withoutGit },
  async (t) => {
    const files = (version) =>
      Object.fromEntries(Array.from({ length: 300 }, (_, i) => [`src/m${i}.mjs`, `export const v = ${version};`]));
    const {
      port,
      project,
      primary,
      load: startLoad,
    } = await setUp(t, (port) => ({
      'app.mjs': server(
        port,
        'new Set(all.map(({ v }) => v)).size + " " + all[0].v',
        Array.from({ length: 300 }, (_, i) => `import * as m${i} from './src/m${i}.mjs';`).join('') +
          `const all = [${Array.from({ length: 300 }, (_, i) => `m${i}`)}];`,
      ),
      '.gitignore': 'node_modules',
      ...files(1),
    }));
    const git = (...args) =>
      execFileSync('git', ['-c', 'user.name=t', '-c', 'user.email=t@example.org', ...args], {
        cwd: project.dir,
        stdio: 'pipe',
      });
    git('init', '-q', '-b', 'one');
    git('add', '.');
    git('commit', '-qm', 'one');
    git('checkout', '-qb', 'two');
    project.write(files(2));
    git('commit', '-qam', 'two');
    git('checkout', '-q', 'one');
    const restarter = primary();
    await restarter.committed(1);
    const load = startLoad({ clients: 4, method: 'GET' });
    await load.more(20);
    git('checkout', '-q', 'two');
    for (;;) {
      if ((await request(port)).body === '1 2') break;
    }
    await load.more(20);
    await load.stop();
    assert.deepEqual(load.failures, []);
    const restarts = restarter.all('committed').length - 1;
    assert.ok(restarts === 1 || restarts === 2, `${restarts} restarts`);
  },
);
