// A page's server: answers, an event stream, a WebSocket.
import express from 'express';
import { keep, onShutdown } from 'handover';
import { WebSocketServer } from 'ws';

const VERSION = 1;
const state = keep('state', () => ({ count: 0, messages: 0, event: 0 }));
const tell = () => ({ version: VERSION, pid: process.pid, count: state.count, messages: state.messages });
const streams = new Set();

const app = express();
app.get('/', (request, response) => {
  response.json(tell());
});
app.get('/page', (request, response) => {
  response.type('html').send('<!doctype html><title>Counter</title>');
});
app.post('/count', (request, response) => {
  state.count++;
  response.json(tell());
});
app.get('/events', (request, response) => {
  response.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-store' });
  response.write('retry: 0\n\n');
  let last = Number(request.get('last-event-id') ?? state.event);
  while (last < state.event) response.write(`id: ${++last}\ndata: ${last}\n\n`);
  streams.add(response);
  response.on('close', () => streams.delete(response));
});
const server = app.listen(Number(process.env.PORT), '127.0.0.1');
const sockets = new WebSocketServer({ server });
sockets.on('connection', (socket) => {
  socket.on('error', console.error);
  socket.on('message', () => {
    socket.send(String(++state.messages));
  });
});

let timer;
function start() {
  timer = setInterval(() => {
    const event = ++state.event;
    for (const stream of streams) stream.write(`id: ${event}\ndata: ${event}\n\n`);
  }, 20);
}
const pause = () => clearInterval(timer);
start();
onShutdown('events', { pause, resume: start, stop: pause });
