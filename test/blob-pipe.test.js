import assert from 'node:assert/strict';
import { once } from 'node:events';
import net from 'node:net';
import path from 'node:path';
import { PassThrough } from 'node:stream';
import { test } from 'node:test';
import { BlobPipe } from '../dist/blob-pipe.js';
import { temporaryFolder } from './state/folder.js';

/** Both ends of a connection between processes. */
async function connected(t) {
  const address =
    process.platform === 'win32'
      ? `\\\\.\\pipe\\handover-test-${process.pid}`
      : path.join(await temporaryFolder(t), 'socket');
  const server = net.createServer().listen(address);
  await once(server, 'listening');
  const near = net.connect(address);
  const [far] = await once(server, 'connection');
  server.close();
  t.after(() => {
    near.destroy();
    far.destroy();
  });
  return { near, far, sender: new BlobPipe(near), receiver: new BlobPipe(far) };
}

function framed(text) {
  const header = Buffer.alloc(8);
  header.writeBigUInt64LE(BigInt(text.length));
  return Buffer.concat([header, Buffer.from(text)]);
}

test('blobs arrive whole and in order, whether they are waited for or not', async (t) => {
  const { sender, receiver } = await connected(t);
  const first = receiver.take();
  const second = receiver.take();
  for (const text of ['one', 'two', 'three', 'four']) sender.send([Buffer.from(text)]);
  assert.equal(String(await first), 'one');
  assert.equal(String(await second), 'two');
  assert.equal(String(await receiver.take()), 'three');
  assert.equal(String(await receiver.take()), 'four');
});

test('a blob may be empty, in many parts, and large', async (t) => {
  const { sender, receiver } = await connected(t);
  const large = Buffer.from(Uint8Array.from({ length: 5_000_000 }, (_, index) => index * 31));
  sender.send([]);
  sender.send([Buffer.alloc(0), new Uint8Array([1, 2]), Buffer.alloc(0), Buffer.from([3])]);
  sender.send([large.subarray(0, 1000), large.subarray(1000)]);
  sender.send([Buffer.alloc(0)]);
  assert.equal((await receiver.take()).length, 0);
  assert.deepEqual([...(await receiver.take())], [1, 2, 3]);
  assert.ok((await receiver.take()).equals(large));
  assert.equal((await receiver.take()).length, 0);
});

test('both directions work at the same time', async (t) => {
  const { sender, receiver } = await connected(t);
  sender.send([Buffer.alloc(500_000, 'a')]);
  receiver.send([Buffer.alloc(500_000, 'b')]);
  const [there, back] = await Promise.all([receiver.take(), sender.take()]);
  assert.ok(there.equals(Buffer.alloc(500_000, 'a')));
  assert.ok(back.equals(Buffer.alloc(500_000, 'b')));
});

test('it does not matter how the bytes are cut', async () => {
  const texts = ['', 'a', 'two words', '', 'x'.repeat(300)];
  const bytes = Buffer.concat(texts.map(framed));
  for (const size of [1, 2, 7, 8, 9, 16, 100, bytes.length]) {
    const stream = new PassThrough();
    const pipe = new BlobPipe(stream);
    for (let at = 0; at < bytes.length; at += size) stream.write(bytes.subarray(at, at + size));
    for (const text of texts) assert.equal(String(await pipe.take()), text, `in pieces of ${size}`);
  }
});

test('a blob is a buffer of its own', async () => {
  const stream = new PassThrough();
  const pipe = new BlobPipe(stream);
  const bytes = framed('text');
  stream.write(bytes);
  const blob = await pipe.take();
  bytes.fill(0);
  assert.equal(String(blob), 'text');
  assert.equal(blob.buffer.byteLength, 4);
});

test('when the other process ends in the middle of a blob, who waits for it learns that', async (t) => {
  const { near, receiver } = await connected(t);
  const complete = receiver.take();
  const half = receiver.take();
  const never = receiver.take();
  near.end(Buffer.concat([framed('whole'), framed('half of it').subarray(0, 12)]));
  assert.equal(String(await complete), 'whole');
  for (const blob of [half, never]) await assert.rejects(blob, /ended before its state had arrived/);
  await assert.rejects(receiver.take(), /ended before its state had arrived/);
});

test('what has arrived before the end can still be taken', async (t) => {
  const { far, near, receiver } = await connected(t);
  const closed = once(far, 'close');
  near.end(framed('the last words'));
  await closed;
  assert.equal(String(await receiver.take()), 'the last words');
  await assert.rejects(receiver.take(), /ended/);
});

test('an error of the stream reaches who waits, and nobody else', async () => {
  const stream = new PassThrough();
  const pipe = new BlobPipe(stream);
  const blob = pipe.take();
  stream.destroy(new Error('ECONNRESET'));
  await assert.rejects(blob, /ECONNRESET/);
  await assert.rejects(pipe.take(), /ECONNRESET/);
});

test('sending to a process that has ended does nothing', async (t) => {
  const { far, sender, receiver } = await connected(t);
  const gone = sender.take();
  receiver.close();
  await assert.rejects(gone);
  sender.send([Buffer.from('nobody hears it')]);
  assert.equal(far.destroyed, true);
});

test('close() ends it on both sides', async (t) => {
  const { sender, receiver } = await connected(t);
  const ends = [sender.take(), receiver.take()];
  sender.close();
  for (const end of ends) await assert.rejects(end, /ended/);
});
