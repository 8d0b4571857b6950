import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import http from 'node:http';
import { Readable } from 'node:stream';
import { test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { setUp } from '../helpers/fixture.js';
import { VARIANTS } from '../helpers/gated.js';

const SIZE = 20_000_000;
const PIECE = 250_000;

/** The same bytes wherever they are made; no two pieces are alike. */
const MAKE = `function* bytes(size) { for (let at = 0; at < size; at += ${PIECE}) yield Buffer.alloc(${PIECE}, String(at) + '.'); }`;
const bytes = new Function(`${MAKE} return bytes;`)();
const HASH = hashOf(bytes(SIZE));

function hashOf(pieces) {
  const hash = createHash('sha256');
  for (const piece of pieces) hash.update(piece);
  return hash.digest('hex');
}

const app = ({
  port,
  version,
  keeps,
}) => `import { createHash } from 'node:crypto'; import http from 'node:http'; import { Readable } from 'node:stream';
${keeps ? `import { keep } from 'handover'; keep('state', () => ({}));` : ''}
${MAKE}
http.createServer((request, response) => {
  console.log('begun ' + request.url);
  if (request.url === '/down') Readable.from(bytes(${SIZE})).pipe(response);
  else if (request.url === '/at-once') response.end(Buffer.concat([...bytes(${SIZE})]), () => console.log('sent'));
  else if (request.url === '/up') {
    const hash = createHash('sha256');
    request.on('data', (chunk) => hash.update(chunk)).on('end', () => response.end('v${version} ' + hash.digest('hex')));
  } else response.end('v${version}');
}).listen(${port}, '127.0.0.1');
`;

/** A client with one connection, that reads as slowly as it is told. */
function clientOf(t, port) {
  const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
  t.after(() => agent.destroy());
  const sockets = new Set();
  const open = (path, body) =>
    new Promise((resolve, reject) => {
      const request = http.request({ port, host: '127.0.0.1', path, agent, method: body ? 'POST' : 'GET' }, resolve);
      request.on('error', reject).on('socket', (socket) => sockets.add(socket));
      if (body) body.pipe(request);
      else request.end();
    });
  const text = async (path, body) => {
    const response = await open(path, body);
    let text = '';
    for await (const chunk of response.setEncoding('utf8')) text += chunk;
    return text;
  };
  return { open, text, sockets };
}

async function begin(t, { keeps, options }) {
  const { port, project, primary } = await setUp(t, (port) => ({ 'app.mjs': app({ port, version: 1, keeps }) }));
  const restarter = primary({ quiesceTimeout: '100ms', drainTimeout: '30s', ...options });
  await restarter.warm(1);
  const save = () => project.save('app.mjs', app({ port, version: 2, keeps }));
  const client = clientOf(t, port);
  /** The connection goes on, with the new generation. */
  const served = async () => {
    await restarter.committed(2);
    assert.equal(await client.text('/'), 'v2');
    assert.equal(client.sockets.size, 1, 'on the same connection');
    const { ended, report } = await restarter.event('drained');
    assert.deepEqual([ended, report], [true, []]);
  };
  return { restarter, save, client, served };
}

for (const [name, variant] of Object.entries(VARIANTS)) {
  // Else the new generation waits for the end of the old one.
  const overlaps = variant.options?.overlap !== false;
  for (const path of ['/down', '/at-once']) {
    test(`${name}: a large download (${path}) to a slow client is whole, then its connection moves`, async (t) => {
      const { restarter, save, client, served } = await begin(t, variant);
      const response = await client.open(path);
      const hash = createHash('sha256');
      let length = 0;
      for await (const chunk of response) {
        // The restart begins when little of it has been read.
        if (length === 0) save();
        const isHalf = length < SIZE / 2 && length + chunk.length >= SIZE / 2;
        if (isHalf && overlaps) await restarter.committed(2);
        length += chunk.length;
        hash.update(chunk);
        await delay(1);
      }
      assert.equal(length, SIZE);
      assert.equal(hash.digest('hex'), HASH);
      await served();
    });
  }

  test(`${name}: a large upload by a slow client is whole, then its connection moves`, async (t) => {
    const { restarter, save, client, served } = await begin(t, variant);
    async function* slowly() {
      let index = 0;
      for (const piece of bytes(SIZE)) {
        yield piece;
        await delay(5);
        if (++index === 5) {
          await restarter.printed(/begun \/up/);
          save();
        }
        if (index === 40 && overlaps) await restarter.committed(2);
      }
    }
    assert.equal(await client.text('/up', Readable.from(slowly())), `v1 ${HASH}`);
    await served();
  });
}

test('a client that has read nothing yet of an answer that is ready gets every byte of it', async (t) => {
  const { restarter, save, client, served } = await begin(t, VARIANTS['with state']);
  const response = await client.open('/at-once');
  response.pause();
  save();
  await restarter.committed(2);
  const hash = createHash('sha256');
  for await (const chunk of response) hash.update(chunk);
  assert.equal(hash.digest('hex'), HASH);
  await restarter.printed(/sent/);
  await served();
});

test('what takes longer than drainTimeout is cut, and named', async (t) => {
  const { restarter, save, client } = await begin(t, { keeps: true, options: { drainTimeout: '300ms' } });
  const response = await client.open('/down');
  response.pause();
  save();
  const { report } = await restarter.event('drained');
  assert.match(report.join(), /GET \/down was cut/);
  await assert.rejects(async () => {
    for await (const chunk of response) void chunk;
  });
});
