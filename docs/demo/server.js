// The demo: change the line below, save, and watch the page at http://localhost:4000.
const greeting = 'Hello! Edit docs/demo/server.js and save it.';

import { readFile } from 'node:fs/promises';
import http from 'node:http';
import { keep, onShutdown } from 'handover';

// Survives every restart.
const state = keep('demo', () => ({ visits: 0, sessions: new Map(), startedAt: new Date() }));
// Does not: it belongs to this process.
const requestsOnConnection = new WeakMap();
const streams = new Set();

const server = http.createServer(async (request, response) => {
  const { pathname } = new URL(request.url, 'http://localhost');
  if (pathname === '/') {
    response.setHeader('content-type', 'text/html; charset=utf-8');
    response.end(await readFile(new URL('page.html', import.meta.url)));
  } else if (pathname === '/visit' && request.method === 'POST') {
    response.setHeader('content-type', 'application/json');
    response.end(JSON.stringify(visit(request, response)));
  } else if (pathname === '/events') {
    response.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-store' });
    streams.add(response);
    response.on('close', () => streams.delete(response));
    tell(response);
  } else {
    response.statusCode = 404;
    response.end('not found\n');
  }
});

function visit(request, response) {
  const known = /session=(\w+)/.exec(request.headers.cookie ?? '')?.[1];
  const id = known && state.sessions.has(known) ? known : Math.random().toString(36).slice(2);
  if (id !== known) response.setHeader('set-cookie', `session=${id}; SameSite=Strict`);
  const session = state.sessions.get(id) ?? { clicks: 0, since: new Date() };
  state.sessions.set(id, session);
  session.clicks++;
  state.visits++;
  const onConnection = (requestsOnConnection.get(request.socket) ?? 0) + 1;
  requestsOnConnection.set(request.socket, onConnection);
  return { ...about(), clicks: session.clicks, port: request.socket.remotePort, onConnection };
}

function about() {
  return {
    greeting,
    pid: process.pid,
    visits: state.visits,
    sessions: state.sessions.size,
    startedAt: state.startedAt,
  };
}

function tell(stream) {
  stream.write(`data: ${JSON.stringify(about())}\n\n`);
}

const ticker = setInterval(() => streams.forEach(tell), 1000);
onShutdown('ticker', { stop: () => clearInterval(ticker) });

server.listen(Number(process.env.PORT ?? 4000), '127.0.0.1', () => {
  console.log(`The demo serves at http://localhost:${server.address().port} from process ${process.pid}.`);
});
