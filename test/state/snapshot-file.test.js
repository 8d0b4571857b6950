import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { chmod, chown, mkdir, readdir, readFile, rm, stat, symlink, utimes, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { test } from 'node:test';
import { SnapshotFile } from '../../dist/state/snapshot-file.js';
import { snapshotOf as encodeSnapshot } from '../helpers/state.js';
import { temporaryFolder } from './folder.js';

const META = { generation: 3, run: 'run-1', appVersion: '1.2.3' };
const BLOB = Buffer.from('the state');
const isWindows = process.platform === 'win32';

async function setUp(t) {
  const folder = await temporaryFolder(t);
  const file = new SnapshotFile(path.join(folder, 'app.snapshot'));
  /** Puts these bytes where the snapshot is, as a writer would have. */
  const put = (bytes) => writeFile(file.path, bytes, { mode: 0o600 });
  return { folder, file, put, names: () => readdir(folder) };
}

const snapshotOf = (blob = BLOB) => encodeSnapshot(blob, META);

/** Asserts that the snapshot is not used for this reason, and lies aside, as it was. */
async function assertSetAside(file, reason) {
  const before = await readFile(file.path);
  const { rejected } = await file.read();
  assert.equal(rejected.code, 'SNAPSHOT_REJECTED');
  assert.match(rejected.message, reason);
  assert.ok(rejected.message.includes(file.path));
  assert.ok(rejected.message.includes(`${file.path}.rejected`));
  assert.deepEqual(await readFile(`${file.path}.rejected`), before);
  assert.equal(await file.read(), null);
}

test('what is written is read again, as often as one likes', async (t) => {
  const { file, names } = await setUp(t);
  const before = Date.now();
  for (const blob of [BLOB, Buffer.alloc(0), Buffer.alloc(3_000_000, 7)]) {
    assert.equal(await file.write([blob], META), true);
    const { savedAt, ...snapshot } = await file.read();
    assert.deepEqual(snapshot, { ...META, blob });
    assert.ok(savedAt >= before && savedAt <= Date.now());
  }
  assert.notEqual(await file.read(), null);
  assert.deepEqual(await names(), ['app.snapshot']);
});

test('only its owner can read it, also when it replaces one that others could', { skip: isWindows }, async (t) => {
  const { file, put } = await setUp(t);
  await put('x');
  await chmod(file.path, 0o666);
  await file.write([BLOB], META);
  assert.equal((await stat(file.path)).mode & 0o777, 0o600);
});

test('its folder is made when there is none, for its owner only', { skip: isWindows }, async (t) => {
  const { folder } = await setUp(t);
  const file = new SnapshotFile(path.join(folder, 'a', 'b', 'app.snapshot'));
  assert.equal(await file.read(), null);
  await file.write([BLOB], META);
  assert.equal((await stat(path.join(folder, 'a', 'b'))).mode & 0o777, 0o700);
  assert.deepEqual((await file.read()).blob, BLOB);
});

test('a file that is missing is no snapshot, and no error', async (t) => {
  const { folder, file, put, names } = await setUp(t);
  assert.equal(await file.read(), null);
  await file.remove();
  assert.deepEqual(await names(), []);
  await put('x');
  assert.equal(await new SnapshotFile(path.join(folder, 'app.snapshot', 'inside')).read(), null);
});

test('remove() removes it', async (t) => {
  const { file, names } = await setUp(t);
  await file.write([BLOB], META);
  await file.remove();
  assert.deepEqual(await names(), []);
});

test('one that ends anywhere before its end is set aside', async (t) => {
  const { file, put } = await setUp(t);
  const whole = snapshotOf();
  for (let length = 0; length < whole.length; length++) {
    await put(whole.subarray(0, length));
    await assertSetAside(file, /too few for a snapshot|not written to its end/);
  }
});

test('one in which a single bit has changed is set aside', async (t) => {
  const { file, put } = await setUp(t);
  const whole = snapshotOf();
  for (let bit = 0; bit < whole.length * 8; bit++) {
    const changed = Buffer.from(whole);
    changed[bit >> 3] ^= 1 << (bit & 7);
    await put(changed);
    await assertSetAside(file, /first bytes are others|format|bytes and has|checksum/);
  }
});

test('other files and newer formats are set aside', async (t) => {
  const { file, put } = await setUp(t);
  await put(JSON.stringify({ state: 'x'.repeat(100) }));
  await assertSetAside(file, /it is no snapshot/);
  const newer = snapshotOf();
  newer.writeUInt32LE(3, 8);
  await put(newer);
  await assertSetAside(file, /it has format 3, and this version of handover reads format 2/);
});

test('a good one that others could have written is set aside', { skip: isWindows }, async (t) => {
  const { file, put } = await setUp(t);
  for (const [mode, text] of [
    [0o620, /others may write it \(mode 620\)/],
    [0o602, /others may write it \(mode 602\)/],
    [0o666, /others may write it \(mode 666\)/],
  ]) {
    await put(snapshotOf());
    await chmod(file.path, mode);
    await assertSetAside(file, text);
  }
  await put(snapshotOf());
  await chmod(file.path, 0o644);
  assert.deepEqual((await file.read()).blob, BLOB);
});

const isRoot = process.getuid?.() === 0;

test('one of another user is set aside', { skip: !isRoot && 'only root can give files away' }, async (t) => {
  const { file, put } = await setUp(t);
  await put(snapshotOf());
  await chown(file.path, 1, 1);
  await assertSetAside(file, /it belongs to another user \(uid 1\)/);
});

test('a symbolic link is set aside, and what it leads to stays as it is', { skip: isWindows }, async (t) => {
  const { folder, file } = await setUp(t);
  const target = path.join(folder, 'target');
  await writeFile(target, snapshotOf(), { mode: 0o600 });
  await symlink(target, file.path);
  await assertSetAside(file, /it is a symbolic link/);
  await symlink(target, file.path);
  await file.write([Buffer.from('other')], META);
  assert.deepEqual(await readFile(target), snapshotOf());
  assert.deepEqual((await file.read()).blob, Buffer.from('other'));
});

test('a second one that is set aside takes the place of the first', async (t) => {
  const { file, put, names } = await setUp(t);
  for (const text of ['one', 'two']) {
    await put(text);
    await file.read();
    assert.equal(await readFile(`${file.path}.rejected`, 'utf8'), text);
  }
  assert.deepEqual(await names(), ['app.snapshot.rejected']);
});

test('an older generation of the same run does not replace a newer one', async (t) => {
  const { file } = await setUp(t);
  const write = (blob, meta) => file.write([Buffer.from(blob)], { ...META, ...meta });
  const content = async () => (await file.read()).blob.toString();
  assert.equal(await write('third', { generation: 3 }), true);
  assert.equal(await write('second', { generation: 2 }), false);
  assert.equal(await content(), 'third');
  assert.equal(await write('third again', { generation: 3 }), true);
  assert.equal(await write('fourth', { generation: 4 }), true);
  assert.equal(await content(), 'fourth');
  assert.equal(await write('of another run', { generation: 1, run: 'run-2' }), true);
  assert.equal(await content(), 'of another run');
});

test('a damaged snapshot is no reason not to write', async (t) => {
  const { file, put } = await setUp(t);
  await put(snapshotOf().subarray(1));
  assert.equal(await file.write([BLOB], { ...META, generation: 1 }), true);
  assert.deepEqual((await file.read()).blob, BLOB);
});

test('a place that cannot be written is named, with what to do', async (t) => {
  const { folder } = await setUp(t);
  await writeFile(path.join(folder, 'file'), '');
  const file = new SnapshotFile(path.join(folder, 'file', 'app.snapshot'));
  for (const options of [{}, { isVital: true }]) {
    await assert.rejects(file.write([BLOB], META, options), (error) => {
      assert.equal(error.code, 'SNAPSHOT_UNWRITABLE');
      assert.ok(error.message.includes(file.path));
      assert.match(error.message, /--snapshot <file>, or --no-snapshot$/);
      assert.ok(error.cause instanceof Error);
      return true;
    });
  }
});

test('a write that fails leaves nothing behind', async (t) => {
  const { file, names } = await setUp(t);
  await mkdir(file.path);
  await assert.rejects(file.write([BLOB], META), { code: 'SNAPSHOT_UNWRITABLE' });
  assert.deepEqual(await names(), ['app.snapshot']);
});

test('a folder in its place, given by mistake, is reported and left as it is', async (t) => {
  const { file, names } = await setUp(t);
  await mkdir(path.join(file.path, 'inside'), { recursive: true });
  await mkdir(path.join(`${file.path}.rejected`, 'inside'), { recursive: true });
  const { rejected } = await file.read();
  assert.equal(rejected.code, 'SNAPSHOT_REJECTED');
  assert.match(rejected.message, /it is a folder; it was left as it is/);
  assert.deepEqual(await names(), ['app.snapshot', 'app.snapshot.rejected']);
  await assert.rejects(file.write([BLOB], META), { code: 'SNAPSHOT_UNWRITABLE' });
  assert.deepEqual(await names(), ['app.snapshot', 'app.snapshot.rejected']);
});

test(
  'a pipe in its place is set aside, without waiting for its writer',
  { skip: process.platform === 'win32' },
  async (t) => {
    const { file, names } = await setUp(t);
    execFileSync('mkfifo', [file.path]);
    const { rejected } = await file.read();
    assert.match(rejected.message, /no regular file/);
    assert.deepEqual(await names(), ['app.snapshot.rejected']);
  },
);

test('a temporary file of a writer that was killed is removed, once it is old', async (t) => {
  const { file, names } = await setUp(t);
  const [old, young] = ['00112233aabb', '445566ccddee'].map((name) => `${file.path}.${name}.tmp`);
  await writeFile(old, 'half');
  await writeFile(young, 'half');
  await utimes(old, new Date(), new Date(Date.now() - 3_600_000));
  assert.equal(await file.read(), null);
  await file.write([BLOB], META);
  assert.deepEqual((await file.read()).blob, BLOB);
  assert.deepEqual(await names(), ['app.snapshot', path.basename(young)]);
});

test('writers at the same time write one after the other, each of them whole', async (t) => {
  const { file, names } = await setUp(t);
  const blobs = [1, 2, 3, 4, 5].map((digit) => Buffer.alloc(200_000, digit));
  await Promise.all(blobs.map((blob) => file.write([blob], META)));
  const { blob } = await file.read();
  assert.ok(blobs.some((written) => written.equals(blob)));
  await rm(file.path);
  assert.deepEqual(await names(), []);
});
