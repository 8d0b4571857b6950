import assert from 'node:assert/strict';
import { test } from 'node:test';
import { WebSocketServer } from 'ws';
import { checkWs } from '../../../dist/worker/connections/ws-internals.js';

test('a server of ws passes, and so does a subclass with a constructor of its own', () => {
  class Chat extends WebSocketServer {
    constructor(name) {
      super({ noServer: true });
      this.name = name;
    }
  }
  checkWs(new WebSocketServer({ noServer: true }));
  checkWs(new Chat('lobby'));
});

/** A server whose WebSockets lack something. */
function lacking(remove) {
  class Other extends WebSocketServer {
    completeUpgrade(...parameters) {
      const callback = parameters.pop();
      super.completeUpgrade(...parameters, (socket, request) => {
        remove(socket);
        callback(socket, request);
      });
    }
  }
  return new Other({ noServer: true });
}

for (const [missing, remove] of [
  ['_receiver._state', ({ _receiver }) => delete _receiver._state],
  ['_sender._firstFragment', ({ _sender }) => delete _sender._firstFragment],
  ['_sender._queue', ({ _sender }) => delete _sender._queue],
  [`_extensions['permessage-deflate'].params`, (socket) => (socket._extensions = {})],
]) {
  test(`a server whose WebSockets have no ${missing} is refused, and it is named`, () => {
    assert.throws(
      () => checkWs(lacking(remove)),
      ({ code, message }) => {
        assert.equal(code, 'WS_UNSUPPORTED');
        assert.ok(message.includes(`has no ${missing},`), message);
        return true;
      },
    );
  });
}

test('what is no server of ws is refused', () => {
  assert.throws(() => checkWs({ handleUpgrade() {} }), { code: 'WS_UNSUPPORTED' });
});
