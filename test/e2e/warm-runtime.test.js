import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, symlinkSync } from 'node:fs';
import Module from 'node:module';
import { test } from 'node:test';
import { counter, express } from '../helpers/apps.js';
import { request } from '../helpers/clients.js';
import { setUp } from '../helpers/fixture.js';
import { gone } from '../helpers/process.js';

const CACHE = 'node_modules/.cache/handover/compile-cache';

/** The processes that a process has started and whose command line passes, on Linux. */
function childrenOf(parent, pattern) {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .filter((pid) => {
      try {
        const [, state] = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ');
        return Number(state.split(' ')[1]) === parent && pattern.test(readFileSync(`/proc/${pid}/cmdline`, 'utf8'));
      } catch {
        return false;
      }
    })
    .map(Number);
}

for (const type of ['module', 'commonjs']) {
  test(
    `the standby of an app that tsx runs as ${type} has started esbuild, which ends with it`,
    { skip: process.platform !== 'linux' && 'looks into /proc' },
    async (t) => {
      const source = (version, port) => express({ version, port }).replace('const app', 'const app: any');
      const { port, project, primary } = await setUp(t, (port) => ({
        'package.json': JSON.stringify({ name: 'app', type }),
        'app.ts': source(1, port),
      }));
      mkdirSync(project.path('tmp'));
      const env = { ...process.env, TMPDIR: project.path('tmp') };
      const app = primary({ entry: 'app.ts', execArgv: ['--import', 'tsx'], env });
      await app.warm(1);
      const { pid } = app.all('standby').at(-1);
      const services = childrenOf(pid, /esbuild/);
      assert.equal(services.length, 1);
      const left = readdirSync(project.path('tmp')).filter((name) => name.startsWith('handover-'));
      assert.deepEqual(left, []);
      project.save('app.ts', source(2, port));
      await app.committed(2);
      assert.equal(app.all('committed').at(-1).pid, pid);
      assert.equal((await request(port)).body, 'version 2');
      process.kill(pid, 'SIGKILL');
      await gone(services);
    },
  );
}

test(
  'Node warns of type stripping as often as it would in cold starts',
  { skip: !process.features.typescript && 'Node strips no types' },
  async (t) => {
    const source = (version, port) => express({ version, port }).replace('const app', 'const app: any');
    const { port, project, primary, node } = await setUp(t, (port) => ({
      'app.mts': source(1, port),
      'once.mts': 'const x: number = 1; console.log(x);',
    }));
    const plain = node(['once.mts']);
    await plain.exited;
    const count = (text) => text.match(/type stripping/gi)?.length ?? 0;
    const app = primary({ entry: 'app.mts' });
    await app.warm(1);
    assert.equal(count(app.stderr), count(plain.stderr));
    project.save('app.mts', source(2, port));
    await app.warm(2);
    assert.equal(count(app.stderr), 2 * count(plain.stderr));
  },
);

test('an app begins to use keep() in a save, and its state is carried from then on', async (t) => {
  const { port, project, primary } = await setUp(t, (port) => ({ 'app.mjs': express({ port }) }));
  const app = primary();
  await app.warm(1);
  project.save('app.mjs', counter({ version: 2, port }));
  await app.warm(2);
  await request(port, { method: 'POST' });
  project.save('app.mjs', counter({ version: 3, port }));
  await app.committed(3);
  const { version, count } = JSON.parse((await request(port)).body);
  assert.deepEqual({ version, count }, { version: 3, count: 1 });
});

test('a file that is replaced by a link is loaded from where that leads, as in a cold start', async (t) => {
  const part = (text) => `export const text = \`${text} from \${import.meta.url.split('/').at(-1)}\`;`;
  const { port, project, primary } = await setUp(t, (port) => ({
    'app.mjs': `import http from 'node:http'; import { text } from './part.mjs';
      http.createServer((request, response) => response.end(text)).listen(${port}, '127.0.0.1');`,
    'part.mjs': part('one'),
    'other.mjs': part('two'),
  }));
  const app = primary();
  await app.warm(1);
  symlinkSync('other.mjs', project.path('link.mjs'));
  renameSync(project.path('link.mjs'), project.path('part.mjs'));
  await app.committed(2);
  assert.equal((await request(port)).body, 'two from other.mjs');
});

test('a file that is gone is missed as in a cold start', async (t) => {
  const { project, primary } = await setUp(t, (port) => ({
    'app.mjs': `import './part.mjs';\n${express({ port })}`,
    'part.mjs': '',
  }));
  const app = primary();
  await app.warm(1);
  rmSync(project.path('part.mjs'));
  assert.equal((await app.event('rolledBack')).error.code, 'ERR_MODULE_NOT_FOUND');
});

test('what watches the requests from before the app sees only those of clients', async (t) => {
  const { port, project, primary } = await setUp(t, (port) => ({
    'watch.mjs': `import { subscribe } from 'node:diagnostics_channel';
      subscribe('http.server.request.start', ({ request }) => console.log('seen', process.pid, request.url));`,
    'app.mjs': express({ port }),
  }));
  const app = primary({ execArgv: ['--import', './watch.mjs'] });
  await app.warm(1);
  project.save('app.mjs', express({ version: 2, port }));
  const { pid } = await app.warm(2);
  await request(port, { path: '/?client' });
  await app.printed(/client/);
  assert.deepEqual(app.stdout.match(/seen .*/g), [`seen ${pid} /?client`]);
});

test('the standby leaves nothing of its rehearsal', async (t) => {
  const { project, primary } = await setUp(t, (port) => ({ 'app.mjs': counter({ port }) }));
  mkdirSync(project.path('tmp'));
  const app = primary({ env: { ...process.env, TMPDIR: project.path('tmp') } });
  await app.warm(1);
  assert.deepEqual(
    readdirSync(project.path('tmp')).filter((name) => name.startsWith('handover-') && name.includes('-', 9)),
    [],
  );
});

const skip = !Module.flushCompileCache && 'Node has no compile cache';

test('what V8 has compiled for one generation lies in the cache folder when it has ended', { skip }, async (t) => {
  const { port, project, primary } = await setUp(t, (port) => ({ 'app.mjs': express({ port }) }));
  const app = primary();
  await app.warm(1);
  project.save('app.mjs', express({ version: 2, port }));
  await app.event('drained');
  assert.ok(readdirSync(project.path(CACHE), { recursive: true }).length > 10);
});

for (const [name, value] of Object.entries({ NODE_DISABLE_COMPILE_CACHE: '1', NODE_COMPILE_CACHE: 'own-cache' })) {
  test(`${name} goes before that`, { skip }, async (t) => {
    const { port, project, primary } = await setUp(t, (port) => ({ 'app.mjs': express({ port }) }));
    const app = primary({ env: { ...process.env, [name]: value } });
    await app.warm(1);
    project.save('app.mjs', express({ version: 2, port }));
    await app.event('drained');
    assert.equal(existsSync(project.path(CACHE)), false);
  });
}
