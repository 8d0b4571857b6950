// Counts each message, and sends numbered events.
import { createServer } from 'node:http';
import { keep, onShutdown } from 'handover';
import { Server } from 'socket.io';

const VERSION = 1;
const state = keep('state', () => ({ count: 0, event: 0 }));
const tell = () => ({ version: VERSION, pid: process.pid, count: state.count });

const server = createServer((request, response) => response.end(JSON.stringify(tell())));
const io = new Server(server);
io.on('connection', (socket) => {
  socket.on('count', (answer) => {
    state.count++;
    answer(tell());
  });
});

let timer;
function start() {
  timer = setInterval(() => io.emit('event', ++state.event), 20);
}
const pause = () => clearInterval(timer);
start();
onShutdown('events', { pause, resume: start, stop: pause });
server.listen(Number(process.env.PORT), '127.0.0.1');
