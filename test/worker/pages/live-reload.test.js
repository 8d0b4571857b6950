import assert from 'node:assert/strict';
import { once } from 'node:events';
import fs from 'node:fs';
import http from 'node:http';
import http2 from 'node:http2';
import https from 'node:https';
import net from 'node:net';
import { Readable } from 'node:stream';
import { test } from 'node:test';
import compression from 'compression';
import express from 'express';
import { addLiveReload } from '../../../dist/worker/pages/live-reload.js';
import { request } from '../../helpers/clients.js';
import { Http2Client } from '../../helpers/http2.js';
import { RawClient } from '../../helpers/raw-client.js';
import { SERVER, secureRequest } from '../../helpers/tls.js';

const SRC = 'http://127.0.0.1:4242/reload.js?token=abc';
const TAG = `<script src="${SRC}" async></script>`;
const PAGE = '<!doctype html><p>A page – ä</p>';

const TLS_OPTIONS = new Function('fs', `return ${SERVER}`)(fs);

addLiveReload(SRC);

async function serve(t, handler) {
  const server = http.createServer(handler).listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => server.close().closeAllConnections());
  return server.address().port;
}

/** As a browser asks for a page. */
const show = (port, { headers, ...options } = {}) =>
  request(port, { ...options, headers: { accept: 'text/html,*/*;q=0.8', 'accept-encoding': 'gzip', ...headers } });

const HTML = { 'Content-Type': 'text/html; charset=utf-8' };
const LENGTH = Buffer.byteLength(PAGE);

/** Ways to answer with the page; `length`: with a Content-Length. */
const FORMS = {
  'setHeader, end': [true, (response) => response.setHeader('content-type', 'text/html').end(PAGE)],
  'setHeader with the length, end': [
    true,
    (response) => response.setHeader('Content-Type', 'text/html').setHeader('Content-Length', LENGTH).end(PAGE),
  ],
  'writeHead, an object': [false, (response) => response.writeHead(200, HTML).end(PAGE)],
  'writeHead, an object with the length': [
    true,
    (response) => response.writeHead(200, { ...HTML, 'content-length': String(LENGTH) }).end(PAGE),
  ],
  'writeHead, a message and an object': [
    true,
    (response) => response.writeHead(200, 'Fine', { ...HTML, 'content-length': LENGTH }).end(PAGE),
  ],
  'writeHead, no message and an object': [
    true,
    (response) => response.writeHead(200, undefined, { ...HTML, 'content-length': LENGTH }).end(PAGE),
  ],
  'writeHead, names and values in turn': [
    true,
    (response) => response.writeHead(200, ['content-type', 'text/html', 'Content-Length', LENGTH]).end(PAGE),
  ],
  'writeHead, pairs': [
    true,
    (response) =>
      response
        .writeHead(200, [
          ['content-type', 'text/html'],
          ['Content-Length', LENGTH],
        ])
        .end(PAGE),
  ],
  'setHeader and writeHead': [
    true,
    (response) => response.setHeader('content-length', LENGTH).writeHead(200, HTML).end(PAGE),
  ],
  'writeHead over setHeader': [
    true,
    (response) =>
      response
        .setHeader('content-length', 1)
        .setHeader('content-type', 'text/plain')
        .writeHead(200, {
          ...HTML,
          'content-length': LENGTH,
        }) && response.end(PAGE),
  ],
  'a buffer': [true, (response) => response.setHeader('content-type', 'text/html').end(Buffer.from(PAGE))],
  bytes: [true, (response) => response.setHeader('content-type', 'text/html').end(new Uint8Array(Buffer.from(PAGE)))],
  'another encoding': [
    true,
    (response) => response.setHeader('content-type', 'text/html').end(Buffer.from(PAGE).toString('base64'), 'base64'),
  ],
  pieces: [
    false,
    (response) => {
      response.setHeader('content-type', 'text/html');
      response.write(PAGE.slice(0, 5));
      response.write(PAGE.slice(5));
      response.end();
    },
  ],
  'pieces with the length': [
    true,
    (response) => {
      response.writeHead(200, { ...HTML, 'content-length': LENGTH });
      response.write(PAGE.slice(0, 5));
      response.end(PAGE.slice(5));
    },
  ],
  flushHeaders: [
    false,
    (response) => {
      response.setHeader('content-type', 'text/html');
      response.flushHeaders();
      response.end(PAGE);
    },
  ],
  'a stream': [false, (response) => Readable.from([PAGE]).pipe(response.setHeader('content-type', 'text/html'))],
  'an error page': [
    true,
    (response) => Object.assign(response.setHeader('content-type', 'text/html'), { statusCode: 404 }).end(PAGE),
  ],
};

for (const [name, [hasLength, answer]] of Object.entries(FORMS)) {
  test(`a page gets the script: ${name}`, async (t) => {
    const port = await serve(t, (_, response) => answer(response));
    const { body, headers } = await show(port);
    assert.equal(body, PAGE + TAG);
    assert.equal(headers['content-length'], hasLength ? String(Buffer.byteLength(body)) : undefined);
  });
}

test('end() calls back, and an answer in one piece leaves in one', async (t) => {
  const ended = [];
  const port = await serve(t, (request, response) => {
    response.setHeader('content-type', 'text/html');
    if (request.url === '/none') response.end(() => ended.push('none'));
    else if (request.url === '/encoding') response.end(PAGE, 'utf8', () => ended.push('encoding'));
    else response.end(PAGE, () => ended.push('page'));
  });
  for (const path of ['/', '/encoding']) assert.equal((await show(port, { path })).body, PAGE + TAG);
  assert.equal((await show(port, { path: '/none' })).body, TAG);
  assert.deepEqual(ended, ['page', 'encoding', 'none']);
  const client = await RawClient.connect(t, port);
  const [first] = await Promise.all([
    once(client.socket, 'data'),
    client.write('GET / HTTP/1.1\r\nHost: app\r\nAccept: text/html\r\n\r\n'),
  ]);
  assert.ok(first[0].endsWith(TAG));
});

test('headers that the app uses again stay as they are', async (t) => {
  const headers = { ...HTML, 'content-length': LENGTH, 'content-security-policy': "script-src 'self'" };
  const list = Object.entries(headers);
  const port = await serve(t, (request, response) =>
    response.writeHead(200, request.url === '/' ? headers : list).end(PAGE),
  );
  for (const path of ['/', '/list', '/', '/list']) {
    const answer = await show(port, { path });
    assert.equal(answer.body, PAGE + TAG);
    assert.equal(answer.headers['content-security-policy'], "script-src 'self' http://127.0.0.1:4242");
  }
});

const LEFT_ALONE = {
  'another type': (response) => response.writeHead(200, { 'content-type': 'text/plain' }).end(PAGE),
  'no type': (response) => response.end(PAGE),
  compressed: (response) => response.writeHead(200, { ...HTML, 'content-encoding': 'gzip' }).end(PAGE),
  'a part': (response) => response.writeHead(206, { ...HTML, 'content-range': 'bytes 0-3/9' }).end(PAGE),
  'a download': (response) =>
    response.writeHead(200, { ...HTML, 'content-disposition': 'attachment; filename=a' }).end(PAGE),
  'a redirect': (response) => response.writeHead(302, { ...HTML, location: '/' }).end(PAGE),
  'UTF-16': (response) => response.writeHead(200, { 'content-type': 'text/html; charset=UTF-16LE' }).end(PAGE),
};

for (const [name, answer] of Object.entries(LEFT_ALONE)) {
  test(`left alone: ${name}`, async (t) => {
    const port = await serve(t, (_, response) => answer(response));
    assert.equal((await show(port)).body, PAGE);
  });
}

test('left alone: no content, another method, what a script fetches, who does not want a page', async (t) => {
  const port = await serve(t, (request, response) => {
    response.writeHead(request.url === '/none' ? 204 : 200, {
      ...HTML,
      'x-got': request.headers['accept-encoding'] ?? '',
    });
    response.end(request.url === '/none' ? undefined : PAGE);
  });
  assert.equal((await show(port, { path: '/none' })).body, '');
  for (const options of [
    { method: 'POST' },
    { headers: { 'sec-fetch-dest': 'empty' } },
    { headers: { accept: 'application/json' } },
    { headers: { accept: '*/*' } },
  ]) {
    const { body, headers } = await show(port, options);
    assert.equal(body, PAGE);
    assert.equal(headers['x-got'], 'gzip');
  }
  assert.equal((await show(port, { headers: { 'sec-fetch-dest': 'iframe' } })).body, PAGE + TAG);
});

test('the app is not asked for less than the whole page, as it is', async (t) => {
  const port = await serve(t, ({ headers, rawHeaders }, response) =>
    response.end(JSON.stringify({ headers, rawHeaders })),
  );
  const asked = { 'If-None-Match': '"a"', 'If-Modified-Since': 'Thu, 01 Jan 1970 00:00:00 GMT', 'X-Other': 'b' };
  const { body } = await show(port, { headers: asked });
  assert.doesNotMatch(body, /encoding|if-/i);
  assert.match(body, /"x-other":"b"/);
  assert.match(body, /"X-Other","b"/);
});

test('a policy of the app lets the script in, with its nonce where only that counts', async (t) => {
  const policy = "script-src 'strict-dynamic' 'nonce-abc'; connect-src 'self'";
  const port = await serve(t, (request, response) => {
    response.setHeader('Content-Security-Policy', [policy, "default-src 'self'"]);
    response.setHeader('Content-Security-Policy-Report-Only', "script-src 'self'");
    response.setHeader('content-type', 'text/html').end(PAGE);
  });
  const { body, headers } = await show(port);
  assert.equal(body, PAGE + TAG.replace('" async', '" nonce="abc" async'));
  const origin = 'http://127.0.0.1:4242';
  assert.equal(
    headers['content-security-policy'],
    `script-src 'strict-dynamic' 'nonce-abc' ${origin}; connect-src 'self' ${origin}, default-src 'self'; script-src 'self' ${origin}; connect-src 'self' ${origin}`,
  );
  assert.equal(headers['content-security-policy-report-only'], `script-src 'self' ${origin}`);
});

test('what Node refuses it refuses still', async (t) => {
  const errors = [];
  const port = await serve(t, (request, response) => {
    response.setHeader('content-type', 'text/html');
    for (const wrong of [() => response.end(5), () => response.writeHead(20)]) {
      try {
        wrong();
      } catch (error) {
        errors.push(error.code);
      }
    }
    response.end(PAGE);
    response.end();
    response.on('error', (error) => errors.push(error.code)).end('more');
  });
  assert.equal((await show(port)).body, PAGE + TAG);
  assert.deepEqual(errors, ['ERR_INVALID_ARG_TYPE', 'ERR_HTTP_INVALID_STATUS_CODE', 'ERR_STREAM_WRITE_AFTER_END']);
});

test('pages over TLS', async (t) => {
  const server = https.createServer(TLS_OPTIONS, (_, response) => response.writeHead(200, HTML).end(PAGE));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => server.close());
  const { body } = await secureRequest(server.address().port, { headers: { accept: 'text/html' } });
  assert.equal(body, PAGE + TAG);
});

/** An HTTP/2 server, and a function that asks it as a browser does. */
async function serve2(t, handler, server = http2.createServer()) {
  server.on(handler.length === 3 ? 'stream' : 'request', handler).listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => server.close());
  const { port } = server.address();
  const client = new Http2Client(t, port, { secure: server instanceof net.Server && 'setSecureContext' in server });
  return {
    port,
    show: (headers) => client.request({ accept: 'text/html,*/*;q=0.8', 'accept-encoding': 'gzip', ...headers }),
  };
}

const FORMS_OF_2 = {
  'setHeader, end': (response) => {
    response.setHeader('Content-Type', 'text/html');
    response.end(PAGE);
  },
  'writeHead with the length': (response) => response.writeHead(200, { ...HTML, 'content-length': LENGTH }).end(PAGE),
  'pieces with the length': (response) => {
    response.writeHead(200, { ...HTML, 'content-length': LENGTH });
    response.write(PAGE.slice(0, 5));
    response.end(PAGE.slice(5));
  },
  'a stream': (response) => {
    response.setHeader('content-type', 'text/html');
    Readable.from([PAGE]).pipe(response);
  },
  'an error page': (response) => {
    response.statusCode = 404;
    response.setHeader('content-type', 'text/html');
    response.end(PAGE);
  },
};

for (const [name, answer] of Object.entries(FORMS_OF_2)) {
  test(`HTTP/2: a page gets the script: ${name}`, async (t) => {
    const { show } = await serve2(t, (_, response) => answer(response));
    assert.equal((await show()).body, PAGE + TAG);
  });
}

test('HTTP/2: the app is asked for the whole page; what is none is left alone', async (t) => {
  const { show } = await serve2(t, ({ headers, rawHeaders, url }, response) => {
    response.writeHead(200, { 'content-type': url === '/text' ? 'text/plain' : 'text/html' });
    response.end(JSON.stringify({ headers, rawHeaders }));
  });
  const page = await show({ 'if-none-match': '"a"', 'x-other': 'b' });
  assert.ok(page.body.endsWith(TAG));
  assert.doesNotMatch(page.body, /encoding|if-/);
  assert.match(page.body, /"x-other":"b".*"x-other","b"/);
  assert.ok((await show({ ':path': '/text' })).body.endsWith('}'));
  assert.match((await show({ accept: 'application/json' })).body, /"accept-encoding":"gzip".*\}$/);
});

test('HTTP/2: an app that answers the streams itself stays as it is', async (t) => {
  const { show } = await serve2(t, (stream, _headers, _flags) => {
    stream.respond({ 'content-type': 'text/html' });
    stream.end(PAGE);
  });
  assert.equal((await show()).body, PAGE);
});

test('a server of both protocols adds the script once', async (t) => {
  const server = http2.createSecureServer({ ...TLS_OPTIONS, allowHTTP1: true });
  const { port, show } = await serve2(t, (_, response) => response.writeHead(200, HTML).end(PAGE), server);
  assert.equal((await show()).body, PAGE + TAG);
  const { body } = await secureRequest(port, { headers: { accept: 'text/html' } });
  assert.equal(body, PAGE + TAG);
});

for (const [name, use] of [
  ['Express', () => {}],
  ['Express with compression', (app) => app.use(compression({ threshold: 0 }))],
]) {
  test(name, async (t) => {
    const app = express();
    use(app);
    app.get('/', (_, response) => response.send(PAGE));
    app.get('/file', (_, response) =>
      response.sendFile(import.meta.filename, { headers: { 'content-type': 'text/html' } }),
    );
    app.get('/json', (_, response) => response.json({ a: 1 }));
    const port = await serve(t, app);
    const first = await show(port);
    assert.equal(first.body, PAGE + TAG);
    const again = await show(port, { headers: { 'if-none-match': first.headers.etag } });
    assert.deepEqual([again.status, again.body], [200, PAGE + TAG]);
    const file = await show(port, { path: '/file' });
    assert.ok(file.body.endsWith(TAG));
    assert.ok(file.body.startsWith('import assert'));
    assert.equal((await show(port, { path: '/json' })).body, '{"a":1}');
    assert.equal((await show(port, { path: '/nowhere' })).body.includes(TAG), true);
  });
}
