// Counts each message, and sends numbered events.
import { createServer } from 'node:http';
import { keep, onShutdown } from 'handover';
import { WebSocketServer } from 'ws';

const VERSION = 1;
const state = keep('state', () => ({ count: 0, event: 0 }));
const tell = () => JSON.stringify({ version: VERSION, pid: process.pid, count: state.count });

const server = createServer((request, response) => response.end(tell()));
const sockets = new WebSocketServer({ server });
sockets.on('connection', (socket) => {
  socket.on('error', console.error);
  socket.on('message', () => {
    state.count++;
    socket.send(tell());
  });
});

let timer;
function start() {
  timer = setInterval(() => {
    const text = JSON.stringify({ event: ++state.event });
    for (const socket of sockets.clients) socket.send(text);
  }, 20);
}
const pause = () => clearInterval(timer);
start();
onShutdown('events', { pause, resume: start, stop: pause });
server.listen(Number(process.env.PORT), '127.0.0.1');
