import assert from 'node:assert/strict';
import { open, readFile, rename, rm, unlink, utimes, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { test } from 'node:test';
import { folderWith, watching } from './watching.js';

for (const kind of ['a file of a watched folder', 'a loaded file']) {
  const start = async (t, files = { 'src/a.js': 'one' }) => {
    const cwd = await folderWith(t, files);
    const isLoaded = kind === 'a loaded file';
    const options = isLoaded ? {} : { watchPaths: ['src'] };
    const watched = await watching(t, cwd, options, isLoaded ? { loaded: Object.keys(files) } : {});
    return { ...watched, cwd, file: path.join(cwd, 'src/a.js') };
  };

  test(`${kind}: a save in place is reported once`, async (t) => {
    const { file, changed, sentinel } = await start(t);
    await writeFile(file, 'two');
    await changed('src/a.js');
    assert.deepEqual(await sentinel(), ['src/a.js']);
  });

  test(`${kind}: every one of several saves is reported`, async (t) => {
    const { file, changed, clear } = await start(t);
    for (let save = 0; save < 30; save++) {
      await writeFile(file, `save ${save}`);
      await changed('src/a.js');
      clear();
    }
  });

  test(`${kind}: a save with unchanged bytes, or a touch, is not reported`, async (t) => {
    const { file, watcher, changed, clear, sentinel } = await start(t);
    // Once reported, its content is known for sure.
    await writeFile(file, 'two');
    await changed('src/a.js');
    clear();
    await writeFile(file, 'two');
    await utimes(file, new Date(), new Date(Date.now() + 5000));
    assert.deepEqual(await sentinel(), []);
    await watcher.stop();
  });

  test(`${kind}: a touch before any change is not reported`, async (t) => {
    const { file, sentinel } = await start(t);
    await utimes(file, new Date(), new Date(Date.now() + 5000));
    assert.deepEqual(await sentinel(), []);
  });

  test(`${kind}: a truncated file is reported once, with the content that follows`, async (t) => {
    const { cwd, file, changed, batches, sentinel } = await start(t, { 'src/a.js': 'one', 'src/b.js': 'one' });
    const handle = await open(file, 'w');
    // Another file's report proves that the truncation has been seen.
    await writeFile(path.join(cwd, 'src/b.js'), 'two');
    await changed('src/b.js');
    assert.deepEqual(batches.flat(), ['src/b.js']);
    await handle.write('two');
    await handle.close();
    await changed('src/a.js');
    assert.equal(await readFile(file, 'utf8'), 'two');
    assert.deepEqual(await sentinel(), ['src/b.js', 'src/a.js']);
  });

  test(`${kind}: a file that stays empty is reported`, async (t) => {
    const { file, changed } = await start(t);
    await writeFile(file, '');
    await changed('src/a.js');
  });

  test(`${kind}: an atomic save by rename (VS Code, JetBrains) is reported once`, async (t) => {
    const { file, changed, clear, sentinel } = await start(t);
    for (let save = 0; save < 5; save++) {
      clear();
      await writeFile(`${file}___jb_tmp___`, `save ${save}`);
      await rename(file, `${file}___jb_old___`);
      await rename(`${file}___jb_tmp___`, file);
      await unlink(`${file}___jb_old___`);
      await changed('src/a.js');
    }
    assert.deepEqual(await sentinel(), ['src/a.js']);
  });

  test(`${kind}: a save by vim with a backup file is reported once`, async (t) => {
    const { cwd, file, changed, clear, sentinel } = await start(t);
    for (let save = 0; save < 5; save++) {
      clear();
      await writeFile(path.join(cwd, 'src/4913'), '');
      await unlink(path.join(cwd, 'src/4913'));
      await rename(file, `${file}~`);
      await writeFile(file, `save ${save}`);
      await unlink(`${file}~`);
      await changed('src/a.js');
    }
    assert.deepEqual(await sentinel(), ['src/a.js']);
  });

  test(`${kind}: deleted and written anew with the same content is no change`, async (t) => {
    const { file, sentinel } = await start(t);
    await unlink(file);
    await writeFile(file, 'one');
    assert.deepEqual(await sentinel(), []);
  });

  test(`${kind}: a deletion is reported, and the return much later, and what is saved then`, async (t) => {
    const { file, changed, clear } = await start(t);
    for (let round = 0; round < 2; round++) {
      await rm(file);
      await changed('src/a.js');
      clear();
      await writeFile(file, 'one');
      await changed('src/a.js');
      clear();
      await writeFile(file, `round ${round}`);
      await changed('src/a.js');
      clear();
    }
  });
}

test('a change that arrives while the file is checked is not lost', async (t) => {
  const cwd = await folderWith(t, { 'a.js': 'start' });
  const { watcher } = await watching(t, cwd, { watchPaths: ['a.js'] });
  const file = path.join(cwd, 'a.js');
  const complete = new Promise((resolve) => {
    watcher.setChangeCallback(async () => (await readFile(file, 'utf8').catch(() => '')) === 'save 199' && resolve());
  });
  // No pause: most saves fall into the check of the one before.
  for (let save = 0; save < 200; save++) await writeFile(file, `save ${save}`);
  await complete;
});

test('a new empty file is reported once, with its content', async (t) => {
  const cwd = await folderWith(t, { 'src/a.js': '' });
  const { changed, sentinel } = await watching(t, cwd, { watchPaths: ['src'] });
  const handle = await open(path.join(cwd, 'src/new.js'), 'w');
  await writeFile(path.join(cwd, 'src/b.js'), 'x');
  await changed('src/b.js');
  await handle.write('content');
  await handle.close();
  await changed('src/new.js');
  assert.deepEqual(await sentinel(), ['src/b.js', 'src/new.js']);
});
