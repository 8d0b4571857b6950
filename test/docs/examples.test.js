import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import { request } from '../helpers/clients.js';
import { setUp } from '../helpers/fixture.js';

const at = (path) => new URL(`../../${path}`, import.meta.url);
const EXAMPLES = 'test/fixtures/examples';
const example = (name) => readFileSync(at(`${EXAMPLES}/${name}`), 'utf8');

const pages = readdirSync(at('docs')).filter((name) => name.startsWith('building-blocks'));
const quotes = pages.flatMap((page) => [
  ...readFileSync(at(`docs/${page}`), 'utf8').matchAll(/<!-- (\S+) -->\n\n```js\n(.*?)```\n/gs),
]);

test('each JavaScript block of the pages on building blocks is its file, and each file is in a page', () => {
  const blocks = pages.flatMap((page) => readFileSync(at(`docs/${page}`), 'utf8').match(/^```js$/gm) ?? []);
  assert.equal(quotes.length, blocks.length, 'each block names its file');
  assert.deepEqual(
    quotes.map(([, path]) => path).toSorted(),
    readdirSync(at(EXAMPLES))
      .map((name) => `${EXAMPLES}/${name}`)
      .toSorted(),
  );
  for (const [, path, code] of quotes) assert.equal(code, readFileSync(at(path), 'utf8'), path);
});

/** A project with the example in it, and the way to start it. */
async function withExample(t, name, files = {}) {
  const fixture = await setUp(t, { [name]: example(name), 'config.json': '{}', 'src/app.js': '', ...files });
  return { ...fixture, run: () => fixture.node([name], { env: { PORT: String(fixture.port) } }) };
}

test('StateSerializer: what was saved is loaded as it was, and nothing is left', async (t) => {
  const { run } = await withExample(t, 'state-serializer.mjs');
  const program = run();
  assert.deepEqual(await program.exited, { code: 0, signal: null });
  assert.match(
    program.stdout,
    /^saved: true\nloaded: \{.*Map\(1\) \{ 'ada' => 1970-01-01T00:00:00\.000Z \}.*\nleft: null\n$/s,
  );
});

test('GracefulShutdownManager: the server ends, and the report says so', async (t) => {
  const { run } = await withExample(t, 'graceful-shutdown.mjs');
  const program = run();
  assert.deepEqual(await program.exited, { code: 0, signal: null });
  assert.equal(program.stdout, "all ended: true\n[ 'http server ended' ]\n");
});

test('FileChangeWatcher: reports a change, not an ignored one, and lets the program end after stop()', async (t) => {
  const { run, project } = await withExample(t, 'file-change-watcher.mjs');
  const program = run();
  await program.printed(/watching/);
  project.save('src/app.log', 'ignored');
  project.save('src/app.js', 'changed');
  assert.deepEqual(await program.exited, { code: 0, signal: null });
  assert.equal(program.stdout, `watching\nchanged: [ '${project.path('src/app.js')}' ]\n`);
});

test('ProcessRestarter: a change restarts, the state survives, a mistake does not get through, SIGINT stops all', async (t) => {
  const { run, project, port } = await withExample(t, 'process-restarter.mjs');
  const program = run();
  await program.printed(/generation 1 serves/);
  assert.equal((await request(port)).body, 'visit 1\n');
  project.save('config.json', '{ "changed": true }');
  await program.printed(/\d+ bytes of state\ngeneration 2 serves/);
  assert.equal((await request(port)).body, 'visit 2\n');
  project.save('process-restarter.mjs', example('process-restarter.mjs').replace('const visits', 'mistake(); $&'));
  await program.printed(/mistake is not defined: generation 2 serves on/);
  assert.equal((await request(port)).body, 'visit 3\n');
  await program.signal('SIGINT');
  assert.equal(await request(port).catch((error) => error.code), 'ECONNREFUSED');
});

test('development mode: --restart, state and events through a restart, and through the death of the primary', async (t) => {
  const { run, project, port } = await withExample(t, 'dev-mode.mjs');
  const answer = async (path) => JSON.parse((await request(port, { path })).body);
  const program = run();
  await program.printed(/generation 1 serves/);
  assert.deepEqual(await answer('/a'), { isRestart: false, visits: 1, events: ['/a'] });
  project.save('config.json', '{ "changed": true }');
  await program.printed(/generation 2 serves/);
  await program.printed(/state saved/);
  assert.deepEqual(await answer('/b'), { isRestart: true, visits: 2, events: ['/a', '/b'] });
  await program.signal('SIGKILL');
  const again = run();
  await again.printed(/generation 1 serves/);
  assert.deepEqual(await answer('/c'), { isRestart: false, visits: 2, events: ['/a', '/c'] }, 'as it was saved');
  await again.signal('SIGINT');
  const left = readdirSync(project.path('node_modules/.cache/handover')).filter((name) => name !== 'compile-cache');
  assert.deepEqual(left, [], 'a clean stop leaves nothing of the state');
});

test('watching with patterns: only what the patterns leave is reported; SIGINT ends the program', async (t) => {
  const { run, project } = await withExample(t, 'watch-patterns.mjs', { 'src/data/schema.json': '{}' });
  const program = run();
  await program.printed(/Watching/);
  for (const name of ['src/app.log', 'src/app.js.map', 'src/data/rows.json']) project.save(name, 'ignored');
  project.save('src/data/schema.json', '{ "changed": true }');
  await program.printed(/schema\.json\n/);
  project.save('package-lock.json', '{}');
  await program.printed(/package-lock\.json\n/);
  assert.deepEqual(await program.signal('SIGINT'), { code: 0, signal: null });
  const line = (name) => `1 changed\n  - ${project.path(name)}\n`;
  assert.equal(
    program.stdout,
    `Watching. Ctrl+C stops it.\n${line('src/data/schema.json')}${line('package-lock.json')}Stopping …\n`,
  );
});

test('shutting down: SIGINT ends the loop and prints what the page shows', async (t) => {
  const { run } = await withExample(t, 'shutdown-timeouts.mjs');
  const program = run();
  await program.printed(/Running/);
  assert.deepEqual(await program.signal('SIGINT'), { code: 0, signal: null });
  const page = readFileSync(at('docs/building-blocks-examples.md'), 'utf8');
  assert.equal(program.stdout, `Running. Ctrl+C shuts down.\n${/Ctrl\+C prints:\n\n```\n(.*?)```/s.exec(page)?.[1]}`);
});

test('shutting down: a component that does not end in its time is named', async (t) => {
  const source = example('shutdown-timeouts.mjs').replace('return this.#ended', 'return new Promise(() => {})');
  const { run } = await withExample(t, 'shutdown-timeouts.mjs', {
    'shutdown-timeouts.mjs': source.replace("'5s'", "'50ms'"),
  });
  const program = run();
  await program.printed(/Running/);
  assert.deepEqual(await program.signal('SIGINT'), { code: 1, signal: null });
  assert.match(program.stdout, /⚠️ Not ended: runtime loop \(timedOut\)/);
});

test('the application: its counter continues where it was captured, restart after restart, and Ctrl+C stops it', async (t) => {
  const { run, project } = await withExample(t, 'application.mjs');
  const program = run();
  // It counts before it serves, and a save at that time begins its start once more.
  await program.printed(/Restarts on every save\n/);
  await program.printed(/Counter: 10\n/);
  for (const times of [1, 2]) {
    const since = program.stdout.length;
    project.save('application.mjs', `${example('application.mjs')}// ${times}\n`);
    const [, paused, restored] = await program.printed(
      /Paused\. Counter: (\d+)\n(?:.*\n)*?Restored\. Counter: (\d+)\n/,
      {
        since,
      },
    );
    assert.equal(restored, paused);
    // The old generation has stopped its timer, too.
    await program.printed(/Stopped\n/, { since });
    await program.printed(new RegExp(`Counter: ${Math.floor(paused / 10) * 10 + 10}\n`), { since });
  }
  const since = program.stdout.length;
  await program.signal('SIGINT');
  assert.match(program.stdout.slice(since), /Stopped\n$/);
});

test('the application: a start that fails lets the old generation count on', async (t) => {
  const { run, project } = await withExample(t, 'application.mjs');
  const program = run();
  await program.printed(/Restarts on every save\n/);
  await program.printed(/Counter: 10\n/);
  project.save('application.mjs', example('application.mjs').replace('if (state)', 'throw new Error("no"); $&'));
  const [, paused] = await program.printed(/Paused\. Counter: (\d+)\n/);
  await program.printed(new RegExp(`Counter: ${Math.floor(paused / 10) * 10 + 10}\n`), {
    since: program.stdout.indexOf('Paused'),
  });
  assert.doesNotMatch(program.stdout, /Restored/);
});
