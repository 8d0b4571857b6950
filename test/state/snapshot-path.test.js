import assert from 'node:assert/strict';
import { mkdir, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
import { defaultSnapshotPath } from '../../dist/state/snapshot-path.js';
import { temporaryFolder } from './folder.js';

async function project(t) {
  const folder = await temporaryFolder(t);
  await mkdir(path.join(folder, 'src', 'deep'), { recursive: true });
  await writeFile(path.join(folder, 'package.json'), '{}');
  return folder;
}

test('it lies in the cache folder of the nearest package, named after the entry', async (t) => {
  const folder = await project(t);
  for (const entry of ['server.ts', 'src/server.ts', 'src/deep/server.ts']) {
    const file = defaultSnapshotPath(path.join(folder, entry));
    assert.equal(path.dirname(file), path.join(folder, 'node_modules', '.cache', 'handover'));
    assert.match(path.basename(file), /^server-[0-9a-f]{8}\.snapshot$/);
  }
});

test('each entry has its own, and always the same', async (t) => {
  const folder = await project(t);
  const entries = ['server.ts', 'server.js', 'src/server.ts', 'other.ts'].map((name) => path.join(folder, name));
  assert.equal(new Set(entries.map(defaultSnapshotPath)).size, entries.length);
  assert.equal(defaultSnapshotPath(entries[0]), defaultSnapshotPath(path.relative(process.cwd(), entries[0])));
});

test('without a package it lies among the temporary files, in a folder of the user', (t) => {
  const entry = path.join(path.parse(process.cwd()).root, 'no-package-here', 'server.ts');
  const file = defaultSnapshotPath(entry);
  if (file.includes('node_modules')) return t.skip('this machine has a package.json at its root');
  assert.equal(path.dirname(file), path.join(os.tmpdir(), `handover-${process.getuid?.() ?? 'user'}`));
});
