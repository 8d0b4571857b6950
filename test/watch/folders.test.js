import assert from 'node:assert/strict';
import { mkdir, rename, rm, rmdir, symlink, unlink, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { test } from 'node:test';
import { folderWith, watching, write } from './watching.js';

test('a created file in a watched folder is reported', async (t) => {
  const cwd = await folderWith(t, { 'src/a.js': 'one' });
  const { changed } = await watching(t, cwd, { watchPaths: ['src'] });
  await write(path.join(cwd, 'src/new.js'), 'x');
  await changed('src/new.js');
});

test('nested new folders are reported with all that is in them, however quickly it is written', async (t) => {
  const cwd = await folderWith(t, { 'src/a.js': 'one' });
  const { changed } = await watching(t, cwd, { watchPaths: ['src'] });
  const names = [];
  for (let index = 0; index < 20; index++) {
    const name = path.join('src', `d${index}`, 'e', 'f', 'g', 'new.js');
    names.push(name);
    await write(path.join(cwd, name), 'x');
  }
  await changed(...names);
});

test('300 files that change at once are all reported, in few batches', async (t) => {
  const names = Array.from({ length: 300 }, (_, index) => path.join('src', `d${index % 7}`, `f${index}.js`));
  const cwd = await folderWith(t, Object.fromEntries(names.map((name) => [name, 'one'])));
  const { changed, batches } = await watching(t, cwd, {}, { loaded: names });
  await Promise.all(names.map((name) => writeFile(path.join(cwd, name), 'two')));
  await changed(...names);
  assert.ok(batches.length <= 30, `${batches.length} batches`);
  assert.equal(batches.flat().length, 300);
});

for (const options of [{ watchPaths: ['src'] }, { loaded: ['src/lib/a.js', 'src/lib/b.js'] }]) {
  const how = options.loaded ? 'loaded files' : 'a watched folder';
  const start = async (t) => {
    const cwd = await folderWith(t, { 'src/lib/a.js': 'one', 'src/lib/b.js': 'one' });
    const { loaded, ...rest } = options;
    return { cwd, src: path.join(cwd, 'src'), ...(await watching(t, cwd, rest, { loaded })) };
  };

  test(`${how}: a folder renamed away and back at once is no change, and stays watched`, async (t) => {
    const { src, changed, sentinel } = await start(t);
    for (const folder of [src, path.join(src, 'lib'), src]) {
      await rename(folder, `${folder}-away`);
      await rename(`${folder}-away`, folder);
    }
    await write(path.join(src, 'lib/a.js'), 'two');
    await changed('src/lib/a.js');
    assert.deepEqual(await sentinel(), ['src/lib/a.js']);
  });

  test(`${how}: a folder renamed away is reported, and its return too`, async (t) => {
    const { cwd, src, changed, clear } = await start(t);
    await rename(src, path.join(cwd, 'away'));
    await changed('src/lib/a.js', 'src/lib/b.js');
    clear();
    await rename(path.join(cwd, 'away'), src);
    await changed('src/lib/a.js', 'src/lib/b.js');
    clear();
    await write(path.join(src, 'lib/a.js'), 'two');
    await changed('src/lib/a.js');
  });

  test(`${how}: a folder deleted and restored (git checkout) is no change where the content is the same`, async (t) => {
    const { src, changed, clear, sentinel } = await start(t);
    for (let round = 0; round < 10; round++) {
      clear();
      await rm(src, { recursive: true });
      await write(path.join(src, 'lib/a.js'), `round ${round}`);
      await write(path.join(src, 'lib/b.js'), 'one');
      await changed('src/lib/a.js');
    }
    await write(path.join(src, 'lib/b.js'), 'two');
    await changed('src/lib/b.js');
    assert.deepEqual(await sentinel(), ['src/lib/a.js', 'src/lib/b.js']);
  });
}

test('a new file in a folder that was replaced by another is reported', async (t) => {
  const cwd = await folderWith(t, { 'src/a.js': 'one', 'other/a.js': 'one' });
  const { changed } = await watching(t, cwd, { watchPaths: ['src'] });
  await rename(path.join(cwd, 'src'), path.join(cwd, 'old'));
  await rename(path.join(cwd, 'other'), path.join(cwd, 'src'));
  await write(path.join(cwd, 'src/new.js'), 'x');
  await changed('src/new.js');
});

test('a missing file that a failed import waits for is reported, also when its folders do not exist yet', async (t) => {
  const cwd = await folderWith(t, {});
  const { changed } = await watching(t, cwd, {}, { loaded: ['missing.js', 'a/b/c/missing.js'] });
  await write(path.join(cwd, 'missing.js'), 'x');
  await write(path.join(cwd, 'a/b/c/missing.js'), 'x');
  await changed('missing.js', path.join('a', 'b', 'c', 'missing.js'));
});

test('an explicit path that does not exist yet is waited for, as a file or as a folder', async (t) => {
  const cwd = await folderWith(t, {});
  const { changed, errors, clear } = await watching(t, cwd, { watchPaths: ['config/dev.json', 'src'] });
  await write(path.join(cwd, 'config/dev.json'), '{}');
  await write(path.join(cwd, 'src/deep/a.js'), 'x');
  await changed('config/dev.json', 'src/deep/a.js');
  clear();
  await rm(path.join(cwd, 'src'), { recursive: true });
  await writeFile(path.join(cwd, 'src'), 'a file now');
  await changed('src', 'src/deep/a.js');
  clear();
  await unlink(path.join(cwd, 'src'));
  await mkdir(path.join(cwd, 'src'));
  await write(path.join(cwd, 'src/b.js'), 'x');
  await changed('src', 'src/b.js');
  assert.deepEqual(errors, []);
});

test('a loaded file outside the working folder (a linked package) is watched, and its package can come and go', async (t) => {
  const folder = await folderWith(t, {
    'packages/lib/package.json': '{}',
    'packages/lib/src/a.js': 'one',
    'app/x': '',
  });
  const { changed, clear } = await watching(t, path.join(folder, 'app'), {}, { loaded: ['../packages/lib/src/a.js'] });
  const file = path.join(folder, 'packages/lib/src/a.js');
  await writeFile(file, 'two');
  await changed('../packages/lib/src/a.js');
  clear();
  await rm(path.join(folder, 'packages/lib'), { recursive: true });
  await changed('../packages/lib/src/a.js');
  clear();
  await write(file, 'three');
  await changed('../packages/lib/src/a.js');
});

test('an empty folder that comes and goes breaks nothing', async (t) => {
  const cwd = await folderWith(t, { 'src/a.js': 'one' });
  const { changed } = await watching(t, cwd, { watchPaths: ['src'] });
  for (let round = 0; round < 20; round++) {
    await mkdir(path.join(cwd, 'src/empty'));
    await rmdir(path.join(cwd, 'src/empty'));
  }
  await mkdir(path.join(cwd, 'src/empty'));
  await write(path.join(cwd, 'src/empty/a.js'), 'x');
  await changed('src/empty/a.js');
});

test('a symbolic link that leads to a folder above it is not followed forever', async (t) => {
  const cwd = await folderWith(t, { 'src/a.js': 'one' });
  await symlink('..', path.join(cwd, 'src/up'));
  await symlink('.', path.join(cwd, 'src/self'));
  const { changed } = await watching(t, cwd, { watchPaths: ['src'] });
  await write(path.join(cwd, 'src/a.js'), 'two');
  await changed('src/a.js');
});
