import { mkdir, mkdtemp, realpath, rm, unlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { FileChangeWatcher } from '../../dist/watch/file-change-watcher.js';

/** A temporary folder with these files (`{ 'src/app.js': 'content' }`), removed after the test. */
export async function folderWith(t, files = {}) {
  const folder = await realpath(await mkdtemp(path.join(tmpdir(), 'handover-watch-')));
  t.after(() => rm(folder, { recursive: true, force: true, maxRetries: 3 }));
  for (const [name, content] of Object.entries(files)) await write(path.join(folder, name), content);
  return folder;
}

export async function write(file, content) {
  await mkdir(path.dirname(file), { recursive: true });
  await writeFile(file, content);
}

/**
 * A started watcher in `cwd` that records what it reports. `changed(...names)` waits until all of these (relative
 * to cwd) were reported; `sentinel()` makes a change that takes longest to be reported, and answers everything
 * reported from the beginning until then, without it.
 */
export async function watching(t, cwd, options = {}, { loaded, loadedSince, openFolder } = {}) {
  const sentinelFile = path.join(cwd, 'sentinel.txt');
  await writeFile(sentinelFile, 'x');
  const { watchPaths = [], ...rest } = options;
  const watcher = new FileChangeWatcher({ cwd, watchPaths: [...watchPaths, 'sentinel.txt'], ...rest }, openFolder);
  t.after(() => watcher.stop());
  const batches = [];
  const errors = [];
  let onReport = () => {};
  watcher.setChangeCallback((files) => {
    batches.push(files.map((file) => path.relative(cwd, file)));
    onReport();
  });
  watcher.setErrorCallback((error) => {
    errors.push(error);
    onReport();
  });
  const until = (condition) =>
    new Promise((resolve) => {
      onReport = () => condition() && resolve();
      onReport();
    });
  if (loaded) {
    watcher.setLoadedFiles(
      loaded.map((name) => path.resolve(cwd, name)),
      { loadedSince },
    );
  }
  await watcher.start();
  return {
    watcher,
    batches,
    errors,
    until,
    changed: (...names) => until(() => names.every((name) => batches.flat().includes(name))),
    /** Forgets what was reported so far. */
    clear: () => batches.splice(0),
    async sentinel() {
      // A deletion is reported last: it might be the first half of a save.
      await unlink(sentinelFile);
      await until(() => batches.flat().includes('sentinel.txt'));
      return batches.flat().filter((name) => name !== 'sentinel.txt');
    },
  };
}
