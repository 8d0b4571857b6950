import { mkdtempSync, mkdirSync, realpathSync, renameSync, symlinkSync, writeFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

export const ROOT = fileURLToPath(new URL('../..', import.meta.url));

/** A project of its own in a temporary folder, with this package and its dev dependencies installed. */
export class Project {
  constructor(files) {
    this.dir = realpathSync(mkdtempSync(path.join(os.tmpdir(), 'handover-test-')));
    mkdirSync(path.join(this.dir, 'node_modules'));
    for (const name of ['express', 'tsx', 'ws']) this.install(name);
    symlinkSync(ROOT, path.join(this.dir, 'node_modules', 'handover'));
    this.write({ 'package.json': '{ "name": "app", "version": "1.0.0" }', ...files });
  }

  install(name) {
    symlinkSync(path.join(ROOT, 'node_modules', name), path.join(this.dir, 'node_modules', name));
  }

  path(name) {
    return path.join(this.dir, name);
  }

  /** Writes files in place. */
  write(files) {
    for (const [name, content] of Object.entries(files)) {
      mkdirSync(path.dirname(this.path(name)), { recursive: true });
      writeFileSync(this.path(name), content);
    }
  }

  /** Saves a file as most editors do: another file takes its place. */
  save(name, content) {
    writeFileSync(this.path(`${name}.tmp~`), content);
    renameSync(this.path(`${name}.tmp~`), this.path(name));
  }

  async removeFolder(name) {
    await rm(this.path(name), { recursive: true, maxRetries: 20, retryDelay: 10 });
  }

  async remove() {
    await rm(this.dir, { recursive: true, force: true, maxRetries: 5 });
  }
}
