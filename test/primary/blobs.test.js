import assert from 'node:assert/strict';
import { once } from 'node:events';
import net from 'node:net';
import path from 'node:path';
import { PassThrough } from 'node:stream';
import { test } from 'node:test';
import { BlobSender, UNASKED } from '../../dist/blob-sending.js';
import { BlobReceiver } from '../../dist/primary/blob-receiver.js';
import { temporaryFolder } from '../state/folder.js';

const isWindows = process.platform === 'win32';

/** Collects a blob. */
class Sink {
  state = 'open';
  pieces = [];

  write(bytes) {
    this.pieces.push(Buffer.from(bytes));
  }

  end() {
    this.state = 'ended';
  }

  abort() {
    this.state = 'aborted';
  }

  get text() {
    return String(Buffer.concat(this.pieces));
  }
}

/** Both ends of what goes over a stream, and every sink that was opened. */
function pipeOn(stream, fd) {
  const sinks = [];
  const open = (id) => {
    const sink = Object.assign(new Sink(), { id });
    sinks.push(sink);
    return sink;
  };
  const sender = new BlobSender(stream, fd);
  return Object.assign(new BlobReceiver(stream, open), { send: (id) => sender.send(id), sinks });
}

/** Both ends of a connection between processes. */
async function connected(t, { isDirect = false } = {}) {
  const address = isWindows
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
  return { near, far, sender: pipeOn(near, isDirect ? near._handle.fd : undefined), receiver: pipeOn(far) };
}

function send(pipe, id, ...parts) {
  const sending = pipe.send(id);
  for (const part of parts) sending.write(Buffer.from(part));
  return sending.end();
}

const textOf = async (taken) => (await taken).text;

test('blobs are taken by their ids, whether they are waited for or not', async (t) => {
  const { sender, receiver } = await connected(t);
  const first = receiver.take(1);
  const second = receiver.take(2);
  ['one', 'two', 'three', 'four'].forEach((text, index) => send(sender, index + 1, text));
  assert.equal(await textOf(first), 'one');
  assert.equal(await textOf(second), 'two');
  assert.equal(await textOf(receiver.take(3)), 'three');
  assert.equal(await textOf(receiver.take(4)), 'four');
});

test('a blob that nobody took is not taken for a later one, and is told so', async (t) => {
  const { sender, receiver } = await connected(t);
  send(sender, 1, 'of a handover that was rolled back');
  send(sender, 2, 'of the next one');
  assert.equal(await textOf(receiver.take(2)), 'of the next one');
  assert.deepEqual(
    receiver.sinks.map(({ state }) => state),
    ['aborted', 'ended'],
  );
});

test('one that is unasked for goes to its sink only', async (t) => {
  const { sender, receiver } = await connected(t);
  send(sender, UNASKED, 'a checkpoint');
  send(sender, 1, 'a capture');
  assert.equal(await textOf(receiver.take(1)), 'a capture');
  const { state, text } = receiver.sinks[0];
  assert.deepEqual({ state, text }, { state: 'ended', text: 'a checkpoint' });
});

for (const isDirect of isWindows ? [false] : [false, true]) {
  const how = isDirect ? 'directly' : 'through the stream';

  test(`a blob may be empty, in many parts, and large: ${how}`, async (t) => {
    const { sender, receiver } = await connected(t, { isDirect });
    const large = Buffer.from(Uint8Array.from({ length: 5_000_000 }, (_, index) => index * 31));
    send(sender, 1);
    send(sender, 2, '', [1, 2], '', [3]);
    send(sender, 3, large.subarray(0, 1000), large.subarray(1000));
    send(sender, 4, ...Array.from({ length: 3000 }, (_, index) => `${index} `));
    assert.equal(await textOf(receiver.take(1)), '');
    assert.equal(await textOf(receiver.take(2)), '\x01\x02\x03');
    assert.ok(Buffer.concat((await receiver.take(3)).pieces).equals(large));
    assert.equal(await textOf(receiver.take(4)), Array.from({ length: 3000 }, (_, index) => `${index} `).join(''));
  });

  test(`bytes may be overwritten once write() has returned: ${how}`, async (t) => {
    const { sender, receiver } = await connected(t, { isDirect });
    const sending = sender.send(1);
    const bytes = Buffer.alloc(100_000);
    // More than a kernel takes while nobody reads.
    for (let round = 0; round < 50; round++) sending.write(bytes.fill(round));
    void sending.end();
    bytes.fill(255);
    const { pieces } = await receiver.take(1);
    const expected = Array.from({ length: 50 }, (_, round) => Buffer.alloc(100_000, round));
    assert.ok(Buffer.concat(pieces).equals(Buffer.concat(expected)));
  });
}

test('a receiver that does not read is not waited for, and gets all when it does', { skip: isWindows }, async (t) => {
  const { sender, receiver } = await connected(t, { isDirect: true });
  const sending = sender.send(1);
  const bytes = Buffer.alloc(100_000);
  // Nobody reads: the receiver is in this process.
  for (let round = 0; round < 130; round++) sending.write(bytes.fill(round));
  void sending.end();
  const { pieces } = await receiver.take(1);
  assert.equal(Buffer.concat(pieces).length, 13_000_000);
});

test(
  'what is written directly arrives before the event loop of the sender has a turn',
  { skip: isWindows },
  async (t) => {
    const { sender, near } = await connected(t, { isDirect: true });
    const sending = sender.send(1);
    sending.write(Buffer.alloc(10_000));
    assert.equal(near.writableLength, 0);
    await sending.end();
  },
);

test('both directions work at the same time', async (t) => {
  const { sender, receiver } = await connected(t);
  send(sender, 1, 'a'.repeat(500_000));
  send(receiver, 1, 'b'.repeat(500_000));
  const [there, back] = await Promise.all([receiver.take(1), sender.take(1)]);
  assert.equal(there.text, 'a'.repeat(500_000));
  assert.equal(back.text, 'b'.repeat(500_000));
});

test('it does not matter how the bytes are cut', async () => {
  const texts = ['', 'a', 'two words', '', 'x'.repeat(300)];
  const out = new PassThrough();
  const sender = pipeOn(out);
  // Its own end of a stream of one direction hears what it says.
  const bytes = [];
  out.removeAllListeners('data').on('data', (chunk) => bytes.push(chunk));
  for (const [index, text] of texts.entries()) await send(sender, index + 1, text);
  const whole = Buffer.concat(bytes);
  for (const size of [1, 2, 7, 8, 9, 16, 100, whole.length]) {
    const stream = new PassThrough();
    const pipe = pipeOn(stream);
    for (let at = 0; at < whole.length; at += size) stream.write(whole.subarray(at, at + size));
    for (const [index, text] of texts.entries()) {
      assert.equal(await textOf(pipe.take(index + 1)), text, `in pieces of ${size}`);
    }
  }
});

test('one that is aborted rejects who waits for it, and the next one comes', async (t) => {
  const { sender, receiver } = await connected(t);
  const half = receiver.take(1);
  const sending = sender.send(1);
  sending.write(Buffer.from('half of it'));
  void sending.abort();
  sending.write(Buffer.from('not sent any more'));
  send(sender, 2, 'whole');
  await assert.rejects(half, /not sent to its end/);
  assert.equal(await textOf(receiver.take(2)), 'whole');
  assert.deepEqual(
    receiver.sinks.map(({ state, text }) => [state, text]),
    [
      ['aborted', 'half of it'],
      ['ended', 'whole'],
    ],
  );
});

test('a blob that begins while another is being sent aborts that one', async (t) => {
  const { sender, receiver } = await connected(t);
  const first = sender.send(1);
  first.write(Buffer.from('half'));
  const second = sender.send(2);
  first.write(Buffer.from('not sent'));
  second.write(Buffer.from('whole'));
  await Promise.all([first.end(), second.end()]);
  assert.equal(await textOf(receiver.take(2)), 'whole');
  assert.equal(receiver.sinks[0].state, 'aborted');
});

test('when the other process ends in the middle of a blob, who waits for it learns that', async (t) => {
  const { near, sender, receiver } = await connected(t);
  const complete = receiver.take(1);
  const half = receiver.take(2);
  const never = receiver.take(3);
  await send(sender, 1, 'whole');
  sender.send(2).write(Buffer.from('half'));
  near.end();
  assert.equal(await textOf(complete), 'whole');
  for (const blob of [half, never]) await assert.rejects(blob, /ended before its state had arrived/);
  await assert.rejects(receiver.take(3), /ended before its state had arrived/);
  assert.equal(receiver.sinks[1].state, 'aborted');
});

test('what has arrived before the end can still be taken', async (t) => {
  const { far, near, sender, receiver } = await connected(t);
  const closed = once(far, 'close');
  await send(sender, 1, 'the last words');
  near.end();
  await closed;
  assert.equal(await textOf(receiver.take(1)), 'the last words');
  await assert.rejects(receiver.take(2), /ended/);
});

test('an error of the stream reaches who waits, and nobody else', async () => {
  const stream = new PassThrough();
  const pipe = pipeOn(stream);
  const blob = pipe.take(1);
  stream.destroy(new Error('ECONNRESET'));
  await assert.rejects(blob, /ECONNRESET/);
  await assert.rejects(pipe.take(1), /ECONNRESET/);
});

test('bytes that are no frame end it', async () => {
  const stream = new PassThrough();
  const pipe = pipeOn(stream);
  const blob = pipe.take(1);
  stream.write('GET / HTTP/1.1\r\n\r\n');
  await assert.rejects(blob, /frame of kind/);
});

test('sending to a process that has ended does nothing, and says that nothing is needed any more', async (t) => {
  const { far, sender, receiver } = await connected(t);
  const gone = sender.take(1);
  receiver.close();
  await assert.rejects(gone);
  await send(sender, 1, 'nobody hears it');
  assert.equal(far.destroyed, true);
});

test('close() ends it on both sides', async (t) => {
  const { sender, receiver } = await connected(t);
  const ends = [sender.take(1), receiver.take(1)];
  sender.close();
  for (const end of ends) await assert.rejects(end, /ended/);
});
