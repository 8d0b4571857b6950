import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Process } from '../helpers/process.js';
import { counter, express } from '../helpers/apps.js';
import { request } from '../helpers/clients.js';
import { setUp } from '../helpers/fixture.js';

const SHOW = `console.log(JSON.stringify({
  argv: process.argv.slice(1), cwd: process.cwd(), title: process.title, execArgv: process.execArgv,
  env: Object.keys(process.env).filter((name) => !['WATCH_REPORT_DEPENDENCIES', 'HANDOVER_TREE'].includes(name)).sort(),
}));
`;

for (const [entry, source] of Object.entries({
  'app.mjs': `console.log('main', import.meta.main ?? true);${SHOW}`,
  'app.cjs': `console.log('main', require.main === module);${SHOW}`,
  'common.js': `console.log('main', require.main === module);${SHOW}`,
  'module/app.js': `console.log('main', import.meta.main ?? true);${SHOW}`,
})) {
  test(`${entry} can't tell from its argv, cwd, env and main module that it doesn't run under plain node`, async (t) => {
    const { project, handover, node } = await setUp(t, { [entry]: source, 'module/package.json': '{"type":"module"}' });
    const plain = node([entry, '--flag', 'a b', '--help']);
    await plain.exited;
    const under = handover([entry, '--flag', 'a b', '--help']);
    await under.printed(/"env":.*\n/);
    assert.equal(under.stdout, plain.stdout);
    assert.ok(project);
  });
}

test('a TypeScript entry runs: by Node itself where it strips types, else by the tsx of the app', async (t) => {
  const { port, handover } = await setUp(t, (port) => ({
    'app.ts': express({ port }).replace('const app', 'const app: ReturnType<typeof express>'),
  }));
  const app = handover(['app.ts']);
  await app.printed(/generation 1 in /);
  assert.equal((await request(port)).body, 'version 1');
});

test(
  'a TypeScript entry without a loader: the error has the one command that helps',
  { skip: Boolean(process.features.typescript) },
  async (t) => {
    const { project, handover } = await setUp(t, { 'app.ts': 'const a: number = 1;' });
    const { rm } = await import('node:fs/promises');
    await rm(project.path('node_modules/tsx'));
    const app = handover(['app.ts']);
    assert.equal((await app.exited).code, 1);
    assert.match(app.stderr, /npm install --save-dev tsx/);
  },
);

test('its exit code becomes that of handover when a signal that it handles ends it', async (t) => {
  const { handover } = await setUp(t, {
    'app.mjs': `process.on('SIGTERM', () => { console.log('bye'); process.exit(7); }); setInterval(() => {}, 1000); console.log('up');`,
  });
  const app = handover(['app.mjs']);
  await app.printed(/generation 1 in /);
  assert.deepEqual(await app.signal('SIGTERM'), { code: 7, signal: null });
  assert.equal(app.stdout, 'up\nbye\n');
});

test('a signal that it does not handle ends handover as it would have ended the app', async (t) => {
  const { port, handover } = await setUp(t, (port) => ({ 'app.mjs': express({ port }) }));
  const app = handover(['app.mjs']);
  await app.printed(/generation 1 in /);
  assert.equal((await request(port)).status, 200);
  assert.deepEqual(await app.signal('SIGINT'), { code: null, signal: 'SIGINT' });
});

test('an app that ends by itself is started again by the next save', async (t) => {
  const { project, handover } = await setUp(t, { 'app.mjs': `console.log('one');` });
  const app = handover(['app.mjs']);
  await app.printed(/has ended \(exit code 0\)/);
  project.save('app.mjs', `console.log('two');`);
  await app.printed(/two/);
  assert.equal(app.stdout, 'one\ntwo\n');
});

test('Node options reach the app: --exec-arg', async (t) => {
  const { handover } = await setUp(t, { 'app.mjs': `console.log(process.execArgv.join(), typeof gc);` });
  const app = handover(['--exec-arg', '--expose-gc', 'app.mjs']);
  await app.printed(/--expose-gc function/);
});

test('NODE_ENV=production is pointed out, and it runs all the same', async (t) => {
  const { handover } = await setUp(t, { 'app.mjs': `setInterval(() => {}, 1000); console.log('up');` });
  const app = handover(['app.mjs'], { env: { NODE_ENV: 'production' } });
  await app.printed(/NODE_ENV is production, and handover is for development; in production start the entry with node/);
  await app.printed(/up/);
});

test('--wait-ready: process.send("ready") makes it ready', async (t) => {
  const { primary } = await setUp(t, {
    'app.mjs': `setInterval(() => {}, 1000); process.on('SIGUSR2', () => process.send('ready')); console.log('up');`,
  });
  const restarter = primary({ waitReady: true });
  const { pid } = await restarter.event('loading');
  await restarter.printed(/up/);
  assert.deepEqual(restarter.all('ready'), []);
  process.kill(pid, 'SIGUSR2');
  await restarter.committed(1);
});

test('without an entry it runs what package.json names, with its options, arguments and variables', async (t) => {
  const { project, handover } = await setUp(t, {
    'app.mjs':
      'setInterval(() => {}, 1000); console.log(process.env.NAME, process.argv.slice(2).join(), process.title);',
  });
  const start = 'NAME=app node --title=found app.mjs --verbose';
  project.write({ 'package.json': JSON.stringify({ name: 'app', main: 'index.js', scripts: { start } }) });
  const app = handover([]);
  await app.printed(/running --title=found app\.mjs --verbose \(scripts\.start in package\.json\)/);
  await app.printed(/app --verbose found/);
});

test('options come from "handover" in package.json, too', async (t) => {
  const { project, handover } = await setUp(t, { 'app.mjs': 'setInterval(() => {}, 1000);' });
  project.write({ 'package.json': JSON.stringify({ name: 'app', handover: { quiesceTimeout: 'soon' } }) });
  const app = handover(['app.mjs']);
  assert.equal((await app.exited).code, 1);
  assert.match(app.stderr, /quiesceTimeout.*"soon"/s);
});

for (const [title, args, expected] of [
  ['an entry that does not exist', ['nowhere.js'], /nowhere\.js/],
  ['no entry', [], /package\.json has neither .*; pass the entry file of the app: handover server\.js/],
  ['an unknown option', ['--wtach', 'src', 'app.mjs'], /--wtach.*--watch/s],
  ['a duration that is none', ['--drain-timeout', 'soon', 'app.mjs'], /drain.?timeout.*soon/is],
]) {
  test(`bad input: ${title} is named, with the next step, and a non-zero exit code`, async (t) => {
    const { handover } = await setUp(t, { 'app.mjs': '' });
    const app = handover(args);
    assert.equal((await app.exited).code, 1);
    assert.match(app.stderr, expected);
    assert.doesNotMatch(app.stderr, /\n\s+at /, 'no stack for a mistake of the user');
  });
}

test('--version and --help print and exit 0', async (t) => {
  const { project } = await setUp(t);
  const version = Process.handover(project, ['--version']);
  assert.deepEqual(await version.exited, { code: 0, signal: null });
  assert.match(version.stdout, /^\d+\.\d+\.\d+\n$/);
  const help = Process.handover(project, ['--help']);
  assert.deepEqual(await help.exited, { code: 0, signal: null });
  assert.match(help.stdout, /--no-overlap/);
});

test('a child process of the app reports nothing to the app and is no worker', async (t) => {
  const { handover } = await setUp(t, {
    'child.mjs': `import './dep.mjs'; process.send({ worker: process.env.HANDOVER_WORKER, execArgv: process.execArgv });`,
    'dep.mjs': '',
    'app.mjs': `import { fork } from 'node:child_process'; import { once } from 'node:events';
const child = fork('child.mjs'); const messages = []; child.on('message', (message) => messages.push(message));
await once(child, 'exit'); console.log('messages', JSON.stringify(messages));`,
  });
  const app = handover(['app.mjs']);
  const [, messages] = await app.printed(/messages (.*)\n/);
  assert.equal(messages, '[{"execArgv":[]}]');
});

test('the counter of an app survives under the command line tool', async (t) => {
  const { port, project, handover } = await setUp(t, (port) => ({ 'app.mjs': counter({ port }) }));
  const app = handover(['app.mjs']);
  await app.printed(/generation 1 in /);
  await request(port, { method: 'POST' });
  project.save('app.mjs', counter({ port, version: 2 }));
  await app.printed(/↻ app\.mjs → generation 2 in \d+ ms/);
  assert.deepEqual(JSON.parse((await request(port)).body).count, 1);
});
