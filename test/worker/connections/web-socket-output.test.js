import assert from 'node:assert/strict';
import { once } from 'node:events';
import net from 'node:net';
import { test } from 'node:test';
import {
  closeFrame,
  GOING_AWAY,
  SERVICE_RESTART,
  WebSocketOutput,
} from '../../../dist/worker/connections/web-socket-output.js';

const ANSWER = 'HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n';

/** A connection, and all that its client gets until it ends. */
async function connection(t) {
  const server = net.createServer().listen(0, '127.0.0.1');
  t.after(() => server.close());
  await once(server, 'listening');
  const client = net.connect(server.address().port, '127.0.0.1');
  const [socket] = await once(server, 'connection');
  t.after(() => [socket, client].forEach((one) => one.destroy()));
  const received = (async () => {
    const chunks = [];
    for await (const chunk of client) chunks.push(chunk);
    return Buffer.concat(chunks);
  })();
  return { socket, received };
}

/** A frame as a server sends it. */
function frame(length, opcode = 2) {
  const long = Buffer.alloc(8);
  long.writeBigUInt64BE(BigInt(length));
  const lengths = length < 126 ? [length] : length < 2 ** 16 ? [126, ...long.subarray(6)] : [127, ...long];
  const head = Buffer.from([0x80 | opcode, ...lengths]);
  return Buffer.concat([head, Buffer.alloc(length, 0x81)]);
}

test('a close frame says why', () => {
  assert.deepEqual(closeFrame(SERVICE_RESTART), Buffer.from('\x88\x11\x03\xf4service restart', 'latin1'));
  assert.deepEqual(closeFrame(GOING_AWAY), Buffer.from('\x88\x0c\x03\xe9going away', 'latin1'));
});

for (const length of [0, 1, 125, 126, 200, 65_535, 65_536, 70_000]) {
  test(`of a frame of ${length} bytes in pieces, the rest is let through before the close frame`, async (t) => {
    const whole = frame(length);
    for (const cut of [1, 2, 3, 9, 10, 11, whole.length - 1].filter((at) => at < whole.length)) {
      const { socket, received } = await connection(t);
      const output = new WebSocketOutput(socket, 'asked');
      // As a proxy writes it, with the answer and the frames cut anywhere.
      socket.write(ANSWER.slice(0, 20));
      socket.write(Buffer.concat([Buffer.from(ANSWER.slice(20)), frame(3), whole.subarray(0, cut)]));
      output.close(SERVICE_RESTART);
      socket.write(whole.subarray(cut));
      const written = new Promise((resolve) => socket.write(frame(5), resolve));
      await written;
      socket.end();
      const expected = Buffer.concat([Buffer.from(ANSWER), frame(3), whole, closeFrame(SERVICE_RESTART)]);
      assert.ok((await received).equals(expected), `cut at ${cut}`);
    }
  });
}

test('corked pieces and text count as well', async (t) => {
  const { socket, received } = await connection(t);
  const output = new WebSocketOutput(socket, 'open');
  socket.cork();
  socket.write(Buffer.from([0x81, 4]));
  socket.write('éé', 'utf8');
  socket.uncork();
  output.close(SERVICE_RESTART);
  socket.end();
  assert.deepEqual(
    await received,
    Buffer.concat([Buffer.from([0x81, 4]), Buffer.from('éé'), closeFrame(SERVICE_RESTART)]),
  );
});

test('one that is not answered yet is closed when it is', async (t) => {
  const { socket, received } = await connection(t);
  let answered = 0;
  const output = new WebSocketOutput(socket, 'asked', () => answered++);
  output.close(SERVICE_RESTART);
  assert.equal(output.isAsked, true);
  socket.write(ANSWER);
  assert.equal(output.isAsked, false);
  socket.end();
  assert.deepEqual(await received, Buffer.concat([Buffer.from(ANSWER), closeFrame(SERVICE_RESTART)]));
  assert.equal(answered, 1);
});

test('one that is answered otherwise is ended without a frame', async (t) => {
  const { socket, received } = await connection(t);
  const output = new WebSocketOutput(socket, 'asked');
  socket.write('HTTP/1.1 403 Forbidden\r\n\r\n');
  output.close(SERVICE_RESTART);
  assert.equal(String(await received), 'HTTP/1.1 403 Forbidden\r\n\r\n');
});

test('one that the app has closed itself is not closed twice, and ends shortly after', async (t) => {
  const { socket, received } = await connection(t);
  const output = new WebSocketOutput(socket, 'open');
  socket.write(closeFrame(GOING_AWAY));
  output.close(SERVICE_RESTART);
  assert.deepEqual(await received, closeFrame(GOING_AWAY));
});
