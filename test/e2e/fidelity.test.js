// Small programs that print what their servers say: under handover they must say what they say under plain node.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import net from 'node:net';
import path from 'node:path';
import { test } from 'node:test';
import { request } from '../helpers/clients.js';
import { setUp } from '../helpers/fixture.js';
import { ROOT } from '../helpers/project.js';

const CLI = path.join(ROOT, 'dist', 'cli.js');

/** What every program begins with: `log()` prints a line, `done()` the last one. */
const PRELUDE = `import net from 'node:net'; import http from 'node:http'; import https from 'node:https'; import http2 from 'node:http2';
import dgram from 'node:dgram'; import cluster from 'node:cluster'; import { once } from 'node:events';
const port = Number(process.env.PORT), host = '127.0.0.1';
const log = (...values) => console.log(JSON.stringify(values));
const done = () => { console.log('done'); process.exit(); };
const failure = ({ message, code, errno, syscall, address, port }) => ({ message, code, errno, syscall, address, port });
const talk = (text, { port: to = port, ...options } = {}) => new Promise((resolve) => {
  let heard = '';
  const socket = net.connect({ port: to, host, ...options }, () => socket.end(text)).setEncoding('utf8');
  socket.on('data', (data) => (heard += data)).on('error', ({ code }) => resolve(code)).on('close', () => resolve(heard));
});
`;

/** Runs a program under plain node and then under handover. What it has printed must be the same. */
async function sameAsNode(t, source, { env = {}, files = {} } = {}) {
  const { port, node, handover } = await setUp(t, { 'app.mjs': PRELUDE + source, ...files });
  const options = { env: { PORT: String(port), ...env } };
  const printed = [];
  for (const start of [node, handover]) {
    const app = start(['app.mjs'], options);
    await app.printed(/^done$/m);
    printed.push(app.stdout.slice(0, app.stdout.indexOf('done\n')));
    await app.stop();
  }
  assert.equal(printed[1], printed[0]);
  assert.notEqual(printed[0], '', 'it has printed something');
}

const PROGRAMS = {
  'a connection: addresses, and what the options of the server have set': `
    const server = net.createServer({ noDelay: true, keepAlive: true, keepAliveInitialDelay: 5000, highWaterMark: 1234 }, (socket) => {
      const { remoteAddress, remoteFamily, localAddress, localPort, localFamily, readableHighWaterMark, writableHighWaterMark, allowHalfOpen, readyState, connecting, pending } = socket;
      log(socket.remotePort > 0, remoteAddress, remoteFamily, localAddress, localPort === port, localFamily, socket.address().family);
      log(readableHighWaterMark, writableHighWaterMark, allowHalfOpen, readyState, connecting, pending, socket.server === server, socket.bytesRead, socket.isPaused());
      log(Object.getOwnPropertySymbols(socket).filter(({ description }) => /kSet(NoDelay|KeepAlive)/.test(description)).map((key) => socket[key]));
      socket.end();
    }).listen(port, host, async () => { log(await talk('hello')); done(); });`,

  'pauseOnConnect: nothing is read until the socket is resumed': `
    net.createServer({ pauseOnConnect: true }, (socket) => {
      log(socket.isPaused());
      socket.on('data', (data) => log('data', String(data)));
      setTimeout(() => { log(socket.bytesRead); socket.resume(); socket.end('bye'); }, 100);
    }).listen(port, host, async () => { log(await talk('hello')); done(); });`,

  'allowHalfOpen: the end of the client is not that of the server': `
    net.createServer({ allowHalfOpen: true }, (socket) => socket.resume().on('end', () => setTimeout(() => { log(socket.writable); socket.end('after the end'); }, 50)))
      .listen(port, host, async () => { log(await talk('hello')); done(); });`,

  'maxConnections, the event drop and getConnections': `
    const server = net.createServer((socket) => socket.on('error', () => {}));
    server.maxConnections = 2;
    server.on('drop', ({ localAddress, localPort, localFamily, remoteAddress, remoteFamily, ...rest }) => log('drop', localAddress, localPort === port, localFamily, remoteAddress, remoteFamily, Object.keys(rest)));
    const count = () => new Promise((resolve) => server.getConnections((error, number) => resolve([error, number])));
    server.listen(port, host, async () => {
      log(await count());
      const clients = [net.connect(port, host), net.connect(port, host)];
      await Promise.all([once(server, 'connection'), once(clients[1], 'connect')]);
      while ((await count())[1] < 2) await new Promise(setImmediate);
      log(await talk(''), await count(), server.connections);
      for (const client of clients) client.destroy();
      while ((await count())[1] > 0) await new Promise(setImmediate);
      log(await count());
      done();
    });`,

  'what a server says of itself before, while and after it listens': `
    const server = net.createServer();
    const state = () => log(server.listening, server.address() && { ...server.address(), port: server.address().port === port }, server._connectionKey?.replace(port, 'port'));
    const events = ['listening', 'connection', 'close', 'error', 'drop'];
    for (const event of events) server.on(event, () => log('event', event));
    state();
    log(server.listen(port) === server);
    state();
    await once(server, 'listening');
    state();
    log(events.map((event) => server.listenerCount(event)));
    try { server.listen(port); } catch (error) { log(error.code, error.message); }
    log(server.close((error) => log('closed', error)) === server);
    state();
    await once(server, 'close');
    server.close((error) => { log(error.code, error.message); done(); });`,

  'close() waits for the connections, and new ones are refused at once': `
    const server = net.createServer((socket) => socket.on('data', (data) => socket.end(data)));
    server.listen(port, host, () => {
      const client = net.connect(port, host);
      server.once('connection', async () => {
        server.close(() => log('closed'));
        log(server.listening, await talk('refused'));
        client.setEncoding('utf8').on('data', (data) => log(data)).on('close', () => setImmediate(done));
        client.write('still here');
      });
    });`,

  'listen() at once after close(), on the same port, by the same and by another server': `
    const server = net.createServer((socket) => socket.end('first'));
    server.listen(port, host, async () => {
      log(await talk(''));
      server.close();
      server.listen(port, host);
      await once(server, 'listening');
      log(server.address().port === port, await talk(''));
      server.close(() => {
        net.createServer((socket) => socket.end('second')).listen(port, host, async () => { log(await talk('')); done(); });
      });
    });`,

  'listen() and close() in one turn: a client that came meanwhile is refused': `
    const server = net.createServer(() => log('connection'));
    server.listen(port, host);
    const answer = talk('hello');
    server.close(() => log('closed'));
    log(await answer);
    done();`,

  'listen({ signal }), aborted before and after': `
    const controller = new AbortController();
    const server = net.createServer().on('close', () => log('close')).listen({ port, host, signal: controller.signal }, async () => {
      controller.abort();
      await once(server, 'close');
      log(server.listening, await talk(''));
      net.createServer().on('close', () => { log('close'); done(); }).listen({ port, host, signal: AbortSignal.abort() }, () => log('listening'));
    });`,

  'listen({ fd }) of a descriptor that is no socket': `
    const [error] = await once(net.createServer().listen({ fd: 0 }), 'error');
    log(failure(error));
    done();`,

  'listen(handle)': `
    const { TCP, constants } = process.binding('tcp_wrap');
    const handle = new TCP(constants.SERVER);
    log(handle.bind(host, port));
    const server = net.createServer((socket) => socket.end('by handle'));
    server.listen(handle, async () => { log(server.address().port === port, server._handle === handle, await talk('')); done(); });`,

  'EADDRINUSE, of each form, is the same error at the same time': `
    const first = net.createServer().listen(port, host);
    await once(first, 'listening');
    for (const where of [[port, host], [{ port, host, exclusive: true }], [port], [port, '0.0.0.0'], [{ port, host: '::', ipv6Only: false }]]) {
      const server = http.createServer();
      let turn = 'at once';
      const failed = new Promise((resolve) => server.on('error', (error) => resolve([turn, failure(error)])).on('listening', () => resolve(['listening'])));
      server.listen(...where, () => log('never'));
      turn = 'later';
      const [when, error] = await failed;
      log(where, when, error && { ...error, message: error.message.replaceAll(port, 'port'), port: error.port === port }, server.listening, server.address());
      server.close((error) => log(error?.code));
    }
    done();`,

  'EADDRINUSE of a Unix socket, and a folder that is none': `
    const first = net.createServer().listen('./here.sock');
    await once(first, 'listening');
    for (const where of ['./here.sock', './none/here.sock']) {
      const [error] = await once(net.createServer().listen(where), 'error');
      log(failure(error));
    }
    log(first.address());
    first.close(() => import('node:fs').then(({ existsSync }) => { log(existsSync('here.sock')); done(); }));`,

  'an address that is not of this machine': `
    const [error] = await once(net.createServer().listen(port, '192.0.2.1'), 'error');
    log({ ...failure(error), message: error.message.replace(port, 'port'), port: error.port === port });
    done();`,

  'wrong arguments of listen() throw the same': `
    for (const where of [[-1], [65536], [{}], [{ port: 'a' }], [{ path: 1 }], ['\\0abc' && { path: '\\0abstract', readableAll: true }], [{ fd: -2 }], [{ port, host: 'no.such.host.invalid' }]]) {
      const server = net.createServer();
      try {
        server.listen(...where);
        const [error] = await once(server, 'error');
        log('event', error.code, error.syscall, error.hostname);
      } catch (error) { log('throws', error.name, error.code, error.message); }
    }
    done();`,

  'several servers of one process on ports of their own': `
    const servers = ['a', 'b', 'c'].map((name) => http.createServer((request, response) => response.end(name)).listen(0, host));
    await Promise.all(servers.map((server) => once(server, 'listening')));
    const ports = servers.map((server) => server.address().port);
    log(new Set(ports).size, ports.map((port) => port > 0));
    for (const to of ports) log((await talk('GET / HTTP/1.0\\r\\n\\r\\n', { port: to })).split('\\r\\n\\r\\n')[1]);
    done();`,

  'IPv4 and IPv6 of one port are two, with ipv6Only': `
    const four = net.createServer((socket) => socket.end('four')).listen(port, '0.0.0.0');
    await once(four, 'listening');
    const six = net.createServer((socket) => socket.end('six')).listen({ port, host: '::', ipv6Only: true });
    await once(six, 'listening');
    log({ ...four.address(), port: 0 }, { ...six.address(), port: 0 });
    log(await talk(''), await talk('', { host: '::1' }));
    done();`,

  'timeouts of an HTTP server': `
    const server = http.createServer((request, response) => response.end('ok'));
    Object.assign(server, { keepAliveTimeout: 50, keepAliveTimeoutBuffer: 0, headersTimeout: 80, connectionsCheckingInterval: 20, timeout: 300 });
    log(server.requestTimeout, server.maxHeadersCount, server.maxRequestsPerSocket);
    server.listen(port, host, async () => {
      const stays = net.connect(port, host).setEncoding('utf8');
      stays.write('GET / HTTP/1.1\\r\\nHost: a\\r\\n\\r\\n');
      stays.on('data', (data) => log(data.replace(/date: .*\\r\\n/i, ''))).on('end', () => log('ended when idle'));
      await once(stays, 'close');
      const silent = net.connect(port, host).setEncoding('utf8').on('data', (data) => log(data));
      server.on('timeout', (socket) => { log('timeout', socket.remoteAddress); socket.destroy(); });
      await once(silent, 'close');
      done();
    });`,

  'closeAllConnections and closeIdleConnections': `
    const server = http.createServer((request, response) => request.url === '/idle' && response.end('x'));
    server.listen(port, host, async () => {
      const connect = async (path) => { const socket = net.connect(port, host).on('error', () => {}); socket.write('GET ' + path + ' HTTP/1.1\\r\\nHost: a\\r\\n\\r\\n'); return socket; };
      const asked = new Promise((resolve) => server.on('request', ({ url }) => url === '/busy' && resolve()));
      const idle = await connect('/idle'), busy = await connect('/busy');
      await Promise.all([once(idle, 'data'), asked]);
      while (await new Promise((resolve) => server.getConnections((error, count) => resolve(count < 2)))) await new Promise(setImmediate);
      idle.on('close', () => log('idle closed')); busy.on('close', () => log('busy closed'));
      server.closeIdleConnections();
      await once(idle, 'close');
      server.closeAllConnections();
      await once(busy, 'close');
      server.close(() => { log('closed'); done(); });
    });`,

  'a server asks itself before its code is at its end': `
    const server = http.createServer((request, response) => response.end('answer')).listen(port, host);
    await once(server, 'listening');
    log(await (await fetch('http://127.0.0.1:' + port)).text());
    done();`,

  'Upgrade, CONNECT and Expect reach their listeners': `
    const server = http.createServer((request, response) => { log(request.method, request.headers.expect); response.end(); });
    server.on('upgrade', (request, socket, head) => { log('upgrade', String(head)); socket.end('HTTP/1.1 101 Switching Protocols\\r\\n\\r\\n'); });
    server.on('connect', (request, socket, head) => { log('connect', request.url, String(head)); socket.end('HTTP/1.1 200 OK\\r\\n\\r\\n'); });
    server.on('checkContinue', (request, response) => { response.writeContinue(); response.end('continued'); });
    server.on('clientError', (error, socket) => { log(error.code, String(error.rawPacket)); socket.end('HTTP/1.1 400 Bad\\r\\n\\r\\n'); });
    server.listen(port, host, async () => {
      for (const text of ['GET / HTTP/1.1\\r\\nHost: a\\r\\nConnection: Upgrade\\r\\nUpgrade: x\\r\\n\\r\\nhead', 'CONNECT a:1 HTTP/1.1\\r\\nHost: a\\r\\n\\r\\nhead', 'POST / HTTP/1.1\\r\\nHost: a\\r\\nConnection: close\\r\\nContent-Length: 0\\r\\nExpect: 100-continue\\r\\n\\r\\n', 'NONSENSE'])
        log((await talk(text + '\\r\\n')).replace(/date: .*\\r\\n/i, ''));
      done();
    });`,

  'UDP: messages, addresses, errors, and bind() in all its forms': `
    const server = dgram.createSocket('udp4');
    server.on('message', (message, { address, family, size, port }) => { log(String(message), address, family, size, port > 0); server.send('answer', port, address); });
    server.bind(port, host);
    await once(server, 'listening');
    log({ ...server.address(), port: server.address().port === port });
    const client = dgram.createSocket('udp4');
    client.send('question', port, host);
    log(String((await once(client, 'message'))[0]));
    log(client.address().address);
    const [error] = await once(dgram.createSocket('udp4').bind(port, host), 'error');
    log({ ...failure(error), message: error.message.replace(port, 'port'), port: error.port === port });
    for (const where of [[], [0], [{ port: 0 }], [{ port: 0, address: host, exclusive: true }], [{ address: host }]]) {
      const socket = dgram.createSocket('udp4');
      await new Promise((resolve) => socket.bind(...where, resolve));
      const { address, port } = socket.address();
      log(where, address, port > 0, socket.listenerCount('error'), socket.listenerCount('listening'));
      socket.close();
    }
    server.close(async () => {
      log('closed');
      const again = dgram.createSocket('udp4').bind(port, host);
      await once(again, 'listening');
      const reuse = ['a', 'b'].map(() => dgram.createSocket({ type: 'udp4', reuseAddr: true }).bind(0));
      await Promise.all(reuse.map((socket) => once(socket, 'listening')));
      for (const socket of reuse) { try { socket.addMembership('224.0.0.114', host); log('member'); } catch (error) { log(error.code); } }
      done();
    });`,

  'unref(): neither a server nor a UDP socket keeps the process alive, and ref() does': `
    process.on('exit', () => console.log('done'));
    const server = net.createServer().listen(port, host).unref();
    await once(server, 'listening');
    dgram.createSocket('udp4').bind(port, host).unref();
    const kept = net.createServer().unref().listen(0, host);
    kept.ref();
    setTimeout(() => { log('closing'); kept.close(); }, 50).unref();`,

  'what a process is: cluster, channel, arguments, streams': `
    log(cluster.isPrimary, cluster.isMaster, cluster.isWorker, cluster.worker, Object.keys(cluster.workers), typeof cluster.fork, Object.keys(cluster).sort());
    log(process.env.NODE_UNIQUE_ID, process.env.NODE_CHANNEL_FD, process.env.HANDOVER_WORKER, process.argv.length, process.execArgv, process.title);
    log(process.stdin.isTTY, process.stdout.isTTY, process.stderr.isTTY, process.exitCode, process.listenerCount('message'), process.listenerCount('exit'), process.listenerCount('beforeExit'), process.listenerCount('unhandledRejection'));
    done();`,

  'an app that forks a cluster of its own': `
    if (cluster.isPrimary) {
      cluster.setupPrimary({ args: ['in the cluster'] });
      const workers = [cluster.fork({ NAME: 'a' }), cluster.fork({ NAME: 'b' })];
      let online = 0;
      cluster.on('online', (worker) => ++online === 2 && console.error('both online'));
      let listening = 0;
      cluster.on('listening', async (worker, { address, port: at, addressType }) => {
        log('listening', address, at === port, addressType);
        if (++listening < 2) return;
        const answers = [];
        for (let i = 0; i < 4; i++) answers.push((await talk('GET / HTTP/1.0\\r\\n\\r\\n')).split('\\r\\n\\r\\n')[1]);
        log(answers.sort());
        const ended = Promise.all(workers.map((worker) => once(worker, 'exit')));
        cluster.disconnect(async () => { log('disconnected', await ended, await talk('')); done(); });
      });
    } else {
      http.createServer((request, response) => response.end([process.env.NAME, cluster.isWorker, process.argv[2]].join(' '))).listen(port, host);
    }`,

  'a child that it forks speaks with it, and is no worker': `
    const { fork } = await import('node:child_process');
    const child = fork('child.mjs', ['x'], { env: { ...process.env, FROM: 'app' } });
    child.on('message', (message) => log(message));
    child.on('exit', (code, signal) => { log(code, signal); done(); });`,
};

for (const [title, source] of Object.entries(PROGRAMS)) {
  test(title, async (t) =>
    sameAsNode(t, source, {
      files: {
        'child.mjs': `import cluster from 'node:cluster'; process.send({ isPrimary: cluster.isPrimary, execArgv: process.execArgv, env: Object.keys(process.env).filter((name) => /^(NODE|HANDOVER|WATCH)_/.test(name) && name !== 'HANDOVER_TREE') }); process.exit(3);`,
      },
    }),
  );
}

test('listen({ fd }) takes a socket that the program was started with', async (t) => {
  const { project } = await setUp(t, {
    'app.mjs': `import http from 'node:http';
const server = http.createServer((request, response) => response.end('by descriptor')).listen({ fd: 3 }, () => console.log(server.address().port));`,
  });
  const inherited = net.createServer().listen(0, '127.0.0.1');
  await once(inherited, 'listening');
  const { port } = inherited.address();
  const child = spawn(process.execPath, [CLI, 'app.mjs'], {
    cwd: project.dir,
    stdio: ['ignore', 'pipe', 'inherit', inherited._handle.fd],
  });
  t.after(() => child.kill('SIGKILL'));
  inherited.close();
  const [printed] = await once(child.stdout, 'data');
  assert.equal(Number(printed), port);
  assert.equal((await request(port)).body, 'by descriptor');
  project.save(
    'app.mjs',
    `import http from 'node:http';
http.createServer((request, response) => response.end('version 2')).listen({ fd: 3 }, () => console.log('again'));`,
  );
  await once(child.stdout, 'data');
  while ((await request(port)).body !== 'version 2');
  child.kill('SIGTERM');
  await once(child, 'exit');
});

test('a server that is sent to a child process is an error, and does not crash the app', async (t) => {
  const { handover } = await setUp(t, {
    'child.mjs': `process.on('disconnect', () => process.exit());`,
    'app.mjs': `import { fork } from 'node:child_process'; import net from 'node:net';
const child = fork('child.mjs');
const server = net.createServer().listen(0, () => child.send('server', server, (error) => console.log(error.code)));`,
  });
  const app = handover(['app.mjs']);
  await app.printed(/^EBADF$/m);
});
