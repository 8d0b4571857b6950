import assert from 'node:assert/strict';
import net from 'node:net';
import { test } from 'node:test';
import { ArrivingWebSocket } from '../../../dist/worker/connections/movable-web-socket.js';

test('one that has to go on before it was unpacked goes as it came, with what was read since', () => {
  const base64 = (text) => Buffer.from(text).toString('base64');
  const luggage = { server: '#1', protocol: 'chat', unread: base64('read before, '), data: 'AA==' };
  const arriving = new ArrivingWebSocket(new net.Socket(), luggage);
  assert.equal(arriving.isOpen, true);
  assert.deepEqual(arriving.pack(Buffer.from('and since')), {
    kind: 'websocket',
    data: { ...luggage, unread: base64('read before, and since') },
  });
  arriving.leave();
  assert.equal(arriving.hasLeft, true);
});
