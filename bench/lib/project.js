import { cp, mkdir, mkdtemp, readdir, readFile, realpath, rm, symlink, writeFile } from 'node:fs/promises';
import { existsSync, renameSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { freePort } from '../../test/helpers/ports.js';

export const BENCH = fileURLToPath(new URL('..', import.meta.url));
export const ROOT = path.join(BENCH, '..');

const folders = new Set();
// An interrupted run leaves nothing behind either.
process.on('exit', () => {
  for (const dir of folders) rmSync(dir, { recursive: true, force: true });
});

/** For the apps that have no package.json. */
const PACKAGE = { name: 'app', version: '1.0.0', type: 'module', dependencies: { express: '*' } };
/** What a save gives its next version, in the one module of an app that has it. */
const VERSION = /const VERSION = \d+/;

/**
 * Copies an app of apps/ to a temporary folder, with handover and the packages that its package.json names, on a port
 * of its own.
 */
export async function withProject(app, task) {
  const dir = await realpath(await mkdtemp(path.join(os.tmpdir(), 'handover-bench-')));
  folders.add(dir);
  try {
    await cp(path.join(BENCH, 'apps', app), dir, { recursive: true });
    const file = path.join(dir, 'package.json');
    if (!existsSync(file)) await writeFile(file, `${JSON.stringify(PACKAGE, null, 2)}\n`);
    const manifest = JSON.parse(await readFile(file, 'utf8'));
    const link = (name, target) => symlink(target, path.join(dir, 'node_modules', name));
    await mkdir(path.join(dir, 'node_modules'));
    await link('handover', ROOT);
    for (const [name, range] of Object.entries({ ...manifest.dependencies, ...manifest.devDependencies })) {
      if (name.includes('/')) await mkdir(path.join(dir, 'node_modules', path.dirname(name)), { recursive: true });
      // One of two versions of a package is installed in bench/ under another name.
      const installed = range.startsWith('npm:') ? range.slice('npm:'.length) : name;
      await link(name, path.join(BENCH, 'node_modules', installed));
    }
    return await task(new Project(dir, await freePort(), manifest, await savedModule(dir)));
  } finally {
    await rm(dir, { recursive: true, force: true, maxRetries: 5 });
    folders.delete(dir);
  }
}

/** One project of the same app for each of so many. */
export function withProjects(app, count, task, projects = []) {
  if (projects.length === count) return task(projects);
  return withProject(app, (project) => withProjects(app, count, task, [...projects, project]));
}

async function savedModule(dir) {
  for (const name of await readdir(dir)) {
    if (/\.[jt]s$/.test(name) && VERSION.test(await readFile(path.join(dir, name), 'utf8'))) return name;
  }
  throw new Error(`no module of ${dir} has a version`);
}

class Project {
  version = 1;

  constructor(dir, port, manifest, saved) {
    this.dir = dir;
    this.port = port;
    this.entry = existsSync(path.join(dir, 'app.ts')) ? 'app.ts' : 'app.js';
    this.isCommonJs = manifest.type === 'commonjs';
    /** Packages that the app imports. */
    this.packages = Object.keys(manifest.dependencies ?? {});
    /** The module that is saved. */
    this.saved = saved;
  }

  /**
   * Saves a module with its next version as most editors do: another file takes its place. Resolves with the time of
   * the save and the version.
   */
  async save() {
    const version = ++this.version;
    const file = path.join(this.dir, this.saved);
    const source = await readFile(file, 'utf8');
    await writeFile(`${file}.tmp~`, source.replace(VERSION, `const VERSION = ${version}`));
    const savedAt = performance.now();
    renameSync(`${file}.tmp~`, file);
    return { savedAt, version };
  }
}
