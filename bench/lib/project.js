import { cp, mkdir, mkdtemp, readFile, realpath, rm, symlink, writeFile } from 'node:fs/promises';
import { renameSync, rmSync } from 'node:fs';
import { once } from 'node:events';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

export const BENCH = fileURLToPath(new URL('..', import.meta.url));
export const ROOT = path.join(BENCH, '..');

const folders = new Set();
// An interrupted run leaves nothing behind either.
process.on('exit', () => {
  for (const dir of folders) rmSync(dir, { recursive: true, force: true });
});

/** Copies an app of apps/ to a temporary folder, with what it imports, on a port of its own. */
export async function withProject(app, task) {
  const dir = await realpath(await mkdtemp(path.join(os.tmpdir(), 'handover-bench-')));
  folders.add(dir);
  try {
    await cp(path.join(BENCH, 'apps', app), dir, { recursive: true });
    await writeFile(path.join(dir, 'package.json'), '{ "name": "app", "version": "1.0.0", "type": "module" }\n');
    await mkdir(path.join(dir, 'node_modules'));
    await symlink(ROOT, path.join(dir, 'node_modules', 'handover'));
    await symlink(path.join(BENCH, 'node_modules', 'express'), path.join(dir, 'node_modules', 'express'));
    return await task(new Project(dir, await freePort()));
  } finally {
    await rm(dir, { recursive: true, force: true, maxRetries: 5 });
    folders.delete(dir);
  }
}

class Project {
  version = 1;
  /** The file that is saved. */
  saved = 'app.js';

  constructor(dir, port) {
    this.dir = dir;
    this.port = port;
  }

  /**
   * Saves its file with the next version as most editors do: another file takes its place. Resolves with the time of
   * the save and the version.
   */
  async save() {
    const version = ++this.version;
    const file = path.join(this.dir, this.saved);
    const source = await readFile(file, 'utf8');
    await writeFile(`${file}.tmp~`, source.replace(/const VERSION = \d+/, `const VERSION = ${version}`));
    const savedAt = performance.now();
    renameSync(`${file}.tmp~`, file);
    return { savedAt, version };
  }
}

async function freePort() {
  const server = net.createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address();
  server.close();
  await once(server, 'close');
  return port;
}
