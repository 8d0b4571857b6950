import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { chmodSync, existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { counter } from '../helpers/apps.js';
import { setUp } from '../helpers/fixture.js';
import { Process } from '../helpers/process.js';
import { ROOT } from '../helpers/project.js';

// `script` of util-linux runs a program at a terminal of its own, whose input is what this process writes.
const skip = spawnSync('script', ['--version']).stdout?.includes('util-linux')
  ? false
  : 'script (util-linux) is not here';

/** handover at a terminal. What it says and what the app says comes from stdout. */
function atTerminal(t, project, ...given) {
  const [{ env }, args] = typeof given[0] === 'object' ? [given[0], given.slice(1)] : [{}, given];
  const command = [process.execPath, path.join(ROOT, 'dist/cli.js'), ...args].map((word) => `'${word}'`).join(' ');
  const running = new Process('script', ['-qefc', command, '/dev/null'], {
    cwd: project.dir,
    stdin: 'pipe',
    // Where CI is set there is nobody to type.
    env: { CI: '', ...env },
  });
  t.after(async () => {
    running.child.stdin.end();
    await running.stop();
  });
  return Object.assign(running, { type: (text) => running.child.stdin.write(text) });
}

test('r and rs restart, ? shows the keys, another is told, q quits', { skip }, async (t) => {
  const { project } = await setUp(t, (port) => ({ 'app.mjs': counter({ port }) }));
  const running = atTerminal(t, project, 'app.mjs');
  await running.printed(/\? and Enter: keys/);
  running.type('r\n');
  await running.printed(/key r → generation 2 in /);
  running.type('rs\n');
  await running.printed(/generation 3 in /);
  running.type('?\n');
  await running.printed(/r, rs {2}restart\r\n {2}o {6}open/);
  running.type('x\n');
  await running.printed(/there is no key "x"; \? shows them/);
  running.type('q\n');
  await running.exited;
});

test('u opens the page of the restarts, whose address is told once', { skip }, async (t) => {
  const { project } = await setUp(t, (port) => ({ 'app.mjs': counter({ port }) }));
  const without = atTerminal(t, project, 'app.mjs');
  await without.printed(/\? and Enter: keys/);
  without.type('u\n');
  await without.printed(/there is no page of the restarts: start handover with --ui/);
  without.type('q\n');
  await without.exited;
  assert.doesNotMatch(without.stdout, /restarts: http/);
  // What opens addresses on a desktop.
  project.write({ 'bin/xdg-open': '#!/bin/sh\necho "$1" > opened\n' });
  chmodSync(project.path('bin/xdg-open'), 0o755);
  const env = { PATH: `${project.path('bin')}:${process.env.PATH}` };
  const running = atTerminal(t, project, { env }, '--ui=0', 'app.mjs');
  const [, url] = await running.printed(/restarts: (http:[\w.:/?=-]+)/);
  running.type('r\n');
  await running.printed(/generation 2 in /);
  running.type('u\n');
  const opened = project.path('opened');
  // There is no event for what another process writes.
  while (!existsSync(opened) || readFileSync(opened, 'utf8') === '')
    await new Promise((resolve) => setTimeout(resolve, 10));
  assert.equal(readFileSync(opened, 'utf8').trim(), url);
  assert.equal(running.stdout.match(/restarts: http/g).length, 1);
});

test('an app that reads its input gets all of it', { skip }, async (t) => {
  const { project } = await setUp(t, (port) => ({
    'app.mjs': counter({
      port,
      extra: `process.stdin.setEncoding('utf8').on('data', (text) => console.log('app read', JSON.stringify(text)));`,
    }),
  }));
  const running = atTerminal(t, project, 'app.mjs');
  await running.printed(/generation 1 in /);
  running.type('r\n');
  await running.printed(/app read "r\\n"/);
  running.type('rs\n');
  await running.printed(/app read "rs\\n"/);
  assert.doesNotMatch(running.stdout, /generation 2/);
});

test('--no-keys and no terminal: no keys', { skip }, async (t) => {
  const { project, handover } = await setUp(t, (port) => ({ 'app.mjs': counter({ port }) }));
  const plain = handover(['app.mjs']);
  await plain.printed(/generation 1 in /);
  assert.doesNotMatch(plain.output, /keys/);
  await plain.signal('SIGTERM');
  const running = atTerminal(t, project, '--no-keys', 'app.mjs');
  await running.printed(/generation 1 in /);
  assert.doesNotMatch(running.output, /keys/);
});
