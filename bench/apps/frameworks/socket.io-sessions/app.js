// Socket.IO with its own recovery of sessions, whose store in memory is kept.
import { createServer } from 'node:http';
import { keep, onShutdown } from 'handover';
import { Server } from 'socket.io';
import { SessionAwareAdapter } from 'socket.io-adapter';

const VERSION = 1;
const state = keep('state', () => ({ count: 0, event: 0 }));
const tell = () => ({ version: VERSION, pid: process.pid, count: state.count });

class KeptAdapter extends SessionAwareAdapter {
  constructor(namespace) {
    super(namespace);
    this.sessions = keep(`sessions of ${namespace.name}`, () => this.sessions);
    this.packets = keep(`packets of ${namespace.name}`, () => this.packets);
  }
}

const server = createServer((request, response) => response.end(JSON.stringify(tell())));
const io = new Server(server, { connectionStateRecovery: {}, adapter: KeptAdapter });
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
function stop() {
  clearInterval(timer);
}
start();
onShutdown('sockets', {
  pause() {
    stop();
    // Their sessions go into the store; their clients come back to the next generation, or to this one.
    io.engine.close();
  },
  resume: start,
  stop,
});
server.listen(Number(process.env.PORT), '127.0.0.1');
