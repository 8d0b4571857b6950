import assert from 'node:assert/strict';
import { mkdir, rename, rm, symlink, unlink, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { test } from 'node:test';
import { folderWith, watching, write } from './watching.js';

/** Points a link elsewhere as deployment tools do: a new link renamed over the old one. */
async function retarget(link, target) {
  await symlink(target, `${link}.new`);
  await rename(`${link}.new`, link);
}

test('a watch path that is a link to a folder is followed, and a new target is noticed', async (t) => {
  const cwd = await folderWith(t, { 'r1/a.js': 'one', 'r2/a.js': 'two', 'r2/same.js': 's', 'r1/same.js': 's' });
  await symlink('r1', path.join(cwd, 'current'));
  const { changed, clear, sentinel } = await watching(t, cwd, { watchPaths: ['current'] });
  await writeFile(path.join(cwd, 'r1/a.js'), 'one and a half');
  await changed('current/a.js');
  clear();
  await retarget(path.join(cwd, 'current'), 'r2');
  await changed('current/a.js');
  clear();
  await writeFile(path.join(cwd, 'r2/a.js'), 'three');
  await changed('current/a.js');
  await writeFile(path.join(cwd, 'r1/a.js'), 'nobody cares');
  assert.deepEqual(await sentinel(), ['current/a.js']);
});

test('a watch path that is a link to a file reports writes to its target and a new target', async (t) => {
  const cwd = await folderWith(t, { 'conf/dev.json': '1', 'conf/prod.json': '2' });
  await symlink('conf/dev.json', path.join(cwd, 'config.json'));
  const { changed, clear } = await watching(t, cwd, { watchPaths: ['config.json'] });
  for (const content of ['3', '4']) {
    await writeFile(path.join(cwd, 'conf/dev.json'), content);
    await changed('config.json');
    clear();
  }
  await retarget(path.join(cwd, 'config.json'), 'conf/prod.json');
  await changed('config.json');
  clear();
  await writeFile(path.join(cwd, 'conf/prod.json'), '5');
  await changed('config.json');
});

test('a loaded file that is reached through a linked folder notices a new target', async (t) => {
  const cwd = await folderWith(t, { 'r1/lib/a.js': 'one', 'r2/lib/a.js': 'two' });
  await symlink('r1', path.join(cwd, 'current'));
  const { changed, clear } = await watching(t, cwd, {}, { loaded: ['current/lib/a.js'] });
  await writeFile(path.join(cwd, 'r1/lib/a.js'), 'one and a half');
  await changed('current/lib/a.js');
  clear();
  await retarget(path.join(cwd, 'current'), 'r2');
  await changed('current/lib/a.js');
  clear();
  await writeFile(path.join(cwd, 'r2/lib/a.js'), 'three');
  await changed('current/lib/a.js');
});

test('a target that is deleted and comes back is noticed through the link', async (t) => {
  const folder = await folderWith(t, { 'app/x': '', 'releases/r1/a.js': 'one' });
  const cwd = path.join(folder, 'app');
  await symlink('../releases/r1', path.join(cwd, 'current'));
  const { changed, clear } = await watching(t, cwd, {}, { loaded: ['current/a.js'] });
  await writeFile(path.join(folder, 'releases/r1/a.js'), 'two');
  await changed('current/a.js');
  clear();
  await rm(path.join(folder, 'releases/r1'), { recursive: true });
  await changed('current/a.js');
  clear();
  await write(path.join(folder, 'releases/r1/a.js'), 'three');
  await changed('current/a.js');
});

test('a dangling link is noticed when its target appears', async (t) => {
  const cwd = await folderWith(t, { x: '' });
  await symlink('later/a.json', path.join(cwd, 'link.json'));
  const { changed } = await watching(t, cwd, { watchPaths: ['link.json'] });
  await write(path.join(cwd, 'later/a.json'), '1');
  await changed('link.json');
});

test('a linked folder inside a watched folder counts, also when it is linked later', async (t) => {
  const folder = await folderWith(t, { 'app/src/a.js': '', 'shared/b.js': 'one' });
  const cwd = path.join(folder, 'app');
  const { changed, clear } = await watching(t, cwd, { watchPaths: ['src'] });
  await symlink('../../shared', path.join(cwd, 'src/shared'));
  await changed('src/shared/b.js');
  clear();
  await writeFile(path.join(folder, 'shared/b.js'), 'two');
  await changed('src/shared/b.js');
  clear();
  await unlink(path.join(cwd, 'src/shared'));
  await changed('src/shared/b.js');
  clear();
  await mkdir(path.join(cwd, 'src/shared'));
  await write(path.join(cwd, 'src/shared/b.js'), 'three');
  await changed('src/shared/b.js');
});
