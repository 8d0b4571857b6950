import assert from 'node:assert/strict';
import { test } from 'node:test';
import { PerMessageDeflate, WebSocketServer } from 'ws';
import { InflateHistory, LastBytes } from '../../../dist/worker/connections/inflate-history.js';
import { makeDeflate, checkWs } from '../../../dist/worker/connections/ws-internals.js';

/** The same numbers every time, below a limit. */
function numbers(seed) {
  let state = seed;
  return (limit) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * limit);
  };
}

test('the last bytes of a stream, however it is cut', () => {
  for (let seed = 1; seed <= 200; seed++) {
    const random = numbers(seed);
    const size = 1 + random(50);
    const last = new LastBytes(size);
    let all = Buffer.alloc(0);
    for (let step = 0; step < 40; step++) {
      const bytes = Buffer.from(Array.from({ length: random(random(4) === 0 ? 120 : 20) }, () => random(256)));
      last.add(bytes);
      all = Buffer.concat([all, bytes]);
      assert.deepEqual(last.bytes, all.subarray(Math.max(0, all.length - size)), `seed ${seed}`);
    }
  }
});

const compress = (deflate, data, fin) =>
  new Promise((resolve, reject) =>
    deflate.compress(data, fin, (error, result) => (error ? reject(error) : resolve(result))),
  );
const decompress = (deflate, data, fin) =>
  new Promise((resolve, reject) =>
    deflate.decompress(data, fin, (error, result) => (error ? reject(error) : resolve(result))),
  );

const AGREED = [
  {},
  { client_max_window_bits: 9 },
  { client_no_context_takeover: true },
  { client_max_window_bits: 15 },
];
for (const params of AGREED) {
  test(`what a client compresses is understood in the next process, ${JSON.stringify(params)}`, async () => {
    const server = new WebSocketServer({ noServer: true, perMessageDeflate: true });
    checkWs(server);
    for (let seed = 1; seed <= 12; seed++) {
      const random = numbers(seed);
      const client = new PerMessageDeflate({ threshold: 0 }, false);
      client.params = params;
      const texts = Array.from({ length: 20 }, () => String(random(2 ** 31)).repeat(1 + random(2000)));
      let history = new InflateHistory(makeDeflate(server, params, Buffer.alloc(0)));
      for (let count = 0; count < 15; count++) {
        const parts = 1 + random(4);
        let whole = '';
        let got = '';
        for (let part = 1; part <= parts; part++) {
          const text = texts[random(texts.length)].slice(random(300));
          whole += text;
          const compressed = await compress(client, text, part === parts);
          got += await decompress(history.deflate, compressed, part === parts);
          if (random(3) > 0) continue;
          const packed = JSON.parse(JSON.stringify(history.packed));
          const known = Buffer.from(packed.window, 'base64');
          const next = new InflateHistory(makeDeflate(server, packed.params, known), known);
          const again = await next.inflateAgain(packed.unfinished);
          assert.ok(part === parts ? again.length === 0 : whole.endsWith(String(again)) && String(again) === whole);
          history.deflate.cleanup();
          history = next;
        }
        assert.ok(got === whole, `seed ${seed}, message ${count}`);
      }
      history.deflate.cleanup();
      client.cleanup();
    }
  });
}

test('what the app does to a message does not change what is carried', async () => {
  const server = new WebSocketServer({ noServer: true, perMessageDeflate: true });
  checkWs(server);
  const client = new PerMessageDeflate({ threshold: 0 }, false);
  client.params = {};
  const history = new InflateHistory(makeDeflate(server, {}, Buffer.alloc(0)));
  const message = await decompress(history.deflate, await compress(client, 'as it was sent', true), true);
  message.fill(0);
  assert.equal(String(Buffer.from(history.packed.window, 'base64')), 'as it was sent');
});
