import assert from 'node:assert/strict';
import { rm, stat, unlink, utimes, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { test } from 'node:test';
import { FileChangeWatcher } from '../../dist/watch/file-change-watcher.js';
import { watchFolder } from '../../dist/watch/folder-watch.js';
import { folderWith, watching, write } from './watching.js';

test('it works alone: paths, patterns, a callback, start and stop', async (t) => {
  const cwd = await folderWith(t, { 'src/a.js': 'one', 'config.json': '{}' });
  const watcher = new FileChangeWatcher({ cwd, watchPaths: ['src/', 'config.json'], ignorePatterns: ['*.log'] });
  const reported = new Promise((resolve) => watcher.setChangeCallback(resolve));
  await watcher.start();
  await writeFile(path.join(cwd, 'config.json'), '{"port":1}');
  assert.deepEqual(await reported, [path.join(cwd, 'config.json')]);
  await watcher[Symbol.asyncDispose]();
});

test('a wrong option names itself and its value', () => {
  const wrong = (options, message) =>
    assert.throws(() => new FileChangeWatcher(options), { code: 'INVALID_OPTION', message });
  wrong({ watchPaths: 'src' }, /watchPaths: expected an array of non-empty strings, got "src"/);
  wrong({ ignorePatterns: [''] }, /ignorePatterns: .* got \[""\]/);
  wrong({ pollInterval: 'soon' }, /pollInterval: .* got "soon"/);
});

test('starting twice is refused; stopping twice is not, and it can be started again', async (t) => {
  const cwd = await folderWith(t, { 'a.js': 'one' });
  const { watcher, changed } = await watching(t, cwd, { watchPaths: ['a.js'] });
  await assert.rejects(watcher.start(), { code: 'ALREADY_STARTED' });
  await watcher.stop();
  await watcher.stop();
  await watcher.start();
  await writeFile(path.join(cwd, 'a.js'), 'two');
  await changed('a.js');
});

test('nothing is called after stop, not even for a change that was just being checked', async (t) => {
  const cwd = await folderWith(t, { 'a.js': 'one', 'b.js': 'one' });
  const stopped = await watching(t, cwd, { watchPaths: ['a.js', 'b.js'] });
  const other = await watching(t, cwd, { watchPaths: ['a.js', 'b.js'] });
  await writeFile(path.join(cwd, 'a.js'), 'two');
  await unlink(path.join(cwd, 'b.js'));
  await stopped.watcher.stop();
  const before = stopped.batches.length;
  await other.changed('a.js', 'b.js');
  assert.equal(stopped.batches.length, before);
});

test('stopping while it starts ends the start', async (t) => {
  const cwd = await folderWith(t, { 'src/a.js': 'one' });
  const watcher = new FileChangeWatcher({ cwd, watchPaths: ['src'] });
  const started = watcher.start();
  await watcher.stop();
  await started;
});

test('ignored files are not reported: in watched folders, by name, and among the loaded files', async (t) => {
  const names = ['src/a.log', 'src/gen/a.js', 'src/node_modules/x.js', 'named.log', 'loaded.log', 'node_modules/y.js'];
  const cwd = await folderWith(t, Object.fromEntries([...names, 'src/a.js'].map((name) => [name, 'one'])));
  const options = { watchPaths: ['src', 'named.log'], ignorePatterns: ['*.log', 'src/gen'] };
  const { sentinel } = await watching(t, cwd, options, { loaded: ['loaded.log', 'node_modules/y.js'] });
  for (const name of [...names, 'src/.a.js.swp', 'src/.#a.js', 'src/4913']) await write(path.join(cwd, name), 'two');
  assert.deepEqual(await sentinel(), []);
});

test('the loaded files can be replaced: new ones count, those dropped no more', async (t) => {
  const cwd = await folderWith(t, { 'lib/a.js': 'one', 'lib/b.js': 'one', 'c.js': 'one' });
  const { watcher, changed, sentinel } = await watching(t, cwd, {}, { loaded: ['lib/a.js', 'c.js'] });
  watcher.setLoadedFiles([path.join(cwd, 'lib/b.js'), path.join(cwd, 'c.js')], { loadedSince: Date.now() });
  await writeFile(path.join(cwd, 'lib/a.js'), 'two');
  await writeFile(path.join(cwd, 'lib/b.js'), 'two');
  await changed('lib/b.js');
  // The file is so new that it may count as changed once more.
  assert.deepEqual(new Set(await sentinel()), new Set(['lib/b.js']));
});

test('a dropped file in a watched folder still counts', async (t) => {
  const cwd = await folderWith(t, { 'src/a.js': 'one' });
  const { watcher, changed } = await watching(t, cwd, { watchPaths: ['src'] }, { loaded: ['src/a.js'] });
  watcher.setLoadedFiles([]);
  await writeFile(path.join(cwd, 'src/a.js'), 'two');
  await changed('src/a.js');
});

test('a file that changed after the program began to load it is reported, an older one is not', async (t) => {
  const cwd = await folderWith(t, { 'old.js': 'one', 'new.js': 'one' });
  const { watcher, changed, sentinel } = await watching(t, cwd);
  const loadedSince = (await stat(path.join(cwd, 'old.js'))).ctimeMs + 1000;
  await utimes(path.join(cwd, 'new.js'), new Date(), new Date(loadedSince + 1));
  const files = ['old.js', 'new.js'].map((name) => path.join(cwd, name));
  watcher.setLoadedFiles(files, { loadedSince });
  await changed('new.js');
  // Told again, they are known.
  watcher.setLoadedFiles(files, { loadedSince });
  assert.deepEqual(await sentinel(), ['new.js']);
});

test('only folders above files that matter, and watched folders, are opened', async (t) => {
  const files = [
    'src/a/b.js',
    'src/a/deep/c.js',
    'lib/x/y/loaded.js',
    'lib/other/z.js',
    'data/1/2.txt',
    'node_modules/p/i.js',
  ];
  const cwd = await folderWith(t, Object.fromEntries(files.map((name) => [name, ''])));
  const opened = new Set();
  const openFolder = (options) => {
    opened.add(path.relative(cwd, options.folder));
    return watchFolder(options);
  };
  const { sentinel } = await watching(t, cwd, { watchPaths: ['src'] }, { loaded: ['lib/x/y/loaded.js'], openFolder });
  await sentinel();
  assert.deepEqual([...opened].sort(), ['', 'lib', 'lib/x', 'lib/x/y', 'src', 'src/a', 'src/a/deep']);
});

test('folders are closed when nothing in them matters any more', async (t) => {
  const cwd = await folderWith(t, { 'lib/x/a.js': '', 'lib/b.js': '' });
  const open = new Set();
  const openFolder = (options) => {
    const watch = watchFolder(options);
    open.add(watch);
    return { close: () => (open.delete(watch), watch.close()) };
  };
  const { watcher } = await watching(t, cwd, {}, { loaded: ['lib/x/a.js', 'lib/b.js'], openFolder });
  assert.equal(open.size, 3);
  watcher.setLoadedFiles([path.join(cwd, 'lib/b.js')]);
  assert.equal(open.size, 2);
  watcher.setLoadedFiles([]);
  assert.equal(open.size, 1);
  await watcher.stop();
  assert.equal(open.size, 0);
});

for (const code of ['ENOSPC', 'EMFILE']) {
  test(`when the system's watches run out (${code}) that is reported once, and files are polled`, async (t) => {
    const cwd = await folderWith(t, { 'src/deep/a.js': 'one' });
    let left = 2;
    const openFolder = (options) => {
      if (left-- <= 0) throw Object.assign(new Error(`${code}: limit reached`), { code });
      return watchFolder(options);
    };
    const { errors, changed, clear } = await watching(t, cwd, { watchPaths: ['src'] }, { openFolder });
    assert.equal(errors.length, 1);
    assert.match(
      errors[0].message,
      new RegExp(`Can't watch .*src.*limit of watches is reached \\(${code}\\).* polled`),
    );
    assert.equal(errors[0].cause.code, code);
    await writeFile(path.join(cwd, 'src/deep/a.js'), 'two');
    await changed('src/deep/a.js');
    clear();
    await write(path.join(cwd, 'src/new/b.js'), 'x');
    await changed('src/new/b.js');
  });
}

test('a limit that is reached while watching is handled alike', async (t) => {
  const cwd = await folderWith(t, { 'src/a.js': 'one' });
  const folders = [];
  const openFolder = (options) => {
    folders.push(options);
    return watchFolder(options);
  };
  const { errors, until, changed } = await watching(t, cwd, { watchPaths: ['src'] }, { openFolder });
  folders[0].onError(Object.assign(new Error('ENOSPC'), { code: 'ENOSPC' }));
  await until(() => errors.length === 1);
  await writeFile(path.join(cwd, 'src/a.js'), 'two');
  await changed('src/a.js');
});

test('a folder that may not be watched is reported once, the others are watched', async (t) => {
  const cwd = await folderWith(t, { 'src/a.js': 'one', 'src/secret/b.js': 'one' });
  const openFolder = (options) => {
    if (options.folder.endsWith('secret')) throw Object.assign(new Error('EACCES: denied'), { code: 'EACCES' });
    return watchFolder(options);
  };
  const { errors, changed } = await watching(t, cwd, { watchPaths: ['src'] }, { openFolder });
  await writeFile(path.join(cwd, 'src/a.js'), 'two');
  await changed('src/a.js');
  assert.deepEqual(
    errors.map((error) => error.message),
    [`Can't watch ${path.join(cwd, 'src/secret')}: EACCES: denied.`],
  );
});

test('polling notices what events notice', async (t) => {
  const cwd = await folderWith(t, { 'src/a.js': 'one', 'src/lib/b.js': 'one', 'loaded.js': 'one' });
  const options = { watchPaths: ['src', 'later/c.js'], pollInterval: '20ms' };
  const { changed, clear, sentinel, errors } = await watching(t, cwd, options, { loaded: ['loaded.js'] });
  const save = async (name, content) => {
    clear();
    await write(path.join(cwd, name), content);
    await changed(name);
  };
  await save('src/a.js', 'two');
  await save('loaded.js', 'two');
  await save('src/new/deep/d.js', 'x');
  await save('src/new/deep/d.js', 'y');
  await save('later/c.js', 'x');
  clear();
  await rm(path.join(cwd, 'src/lib'), { recursive: true });
  await changed('src/lib/b.js');
  await save('src/lib/b.js', 'three');
  await save('src/lib/b.js', 'four');
  clear();
  await utimes(path.join(cwd, 'src/a.js'), new Date(), new Date(Date.now() + 9000));
  assert.deepEqual(await sentinel(), []);
  assert.deepEqual(errors, []);
});
