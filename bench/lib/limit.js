// What no restarter can go below: the system must tell of the save, and the app's own modules must be evaluated, in a
// process that has loaded everything else before.
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { watch, writeFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { BENCH } from './project.js';
import { withTimeout } from './time.js';

const TIMEOUT = 20_000;
/** Until a process that has loaded much is at rest, in milliseconds. */
const SETTLE = 300;

/** Saves a project; resolves with how long the system took to tell of it, in milliseconds. */
export async function noticeSave(project) {
  const watcher = watch(project.dir);
  try {
    const noticed = new Promise((resolve) => {
      watcher.on('change', (_, name) => name === project.saved && resolve(performance.now()));
    });
    const { savedAt } = await project.save();
    return (await withTimeout(noticed, TIMEOUT, 'event of the save')) - savedAt;
  } finally {
    watcher.close();
  }
}

/** Saves a project, and imports it in a process of that Node.js that has loaded the packages it imports. */
export async function saveAndImport(project, { node = process.execPath, execArgv = [] } = {}) {
  const packages = path.join(project.dir, `packages${path.extname(project.entry)}`);
  const load = (name) => (project.isCommonJs ? `require('${name}');\n` : `import '${name}';\n`);
  writeFileSync(packages, project.packages.map(load).join(''));
  const app = path.join(project.dir, project.entry);
  const argument = JSON.stringify({ packages, app, isCommonJs: project.isCommonJs });
  const child = fork(path.join(BENCH, 'lib', 'import-app.js'), [argument], {
    cwd: project.dir,
    env: { ...process.env, PORT: '0' },
    execPath: node,
    execArgv,
  });
  const ended = once(child, 'exit');
  try {
    await withTimeout(once(child, 'message'), TIMEOUT, 'process with every package loaded');
    await delay(SETTLE);
    const noticeMs = await noticeSave(project);
    child.send('import');
    const [{ importMs }] = await withTimeout(once(child, 'message'), TIMEOUT, 'listening app');
    return { noticeMs, importMs };
  } finally {
    child.kill('SIGKILL');
    await ended;
  }
}
