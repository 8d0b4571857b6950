// Load on a server, from a process of its own: sockets as bare as can be, since on a machine of few cores a client that
// works harder than the server would measure itself. Tells its parent how many requests were answered and the latencies.
import net from 'node:net';

const { port, connections, keepAlive, milliseconds } = JSON.parse(process.argv[2]);
const REQUEST = Buffer.from(`GET / HTTP/1.1\r\nHost: localhost\r\n${keepAlive ? '' : 'Connection: close\r\n'}\r\n`);
const END_OF_HEAD = '\r\n\r\n';

const latencies = [];
let failed = 0;
const began = performance.now();
const deadline = began + milliseconds;
await Promise.all(Array.from({ length: connections }, keepAlive ? askOnOne : askOnNew));
const seconds = (performance.now() - began) / 1000;
latencies.sort((a, b) => a - b);
process.send({
  perSecond: latencies.length / seconds,
  requests: latencies.length,
  failed,
  p50Ms: latencies[Math.floor(latencies.length * 0.5)],
  p99Ms: latencies[Math.floor(latencies.length * 0.99)],
  cpuMs: (process.cpuUsage().user + process.cpuUsage().system) / 1000,
});
process.disconnect();

/** One request after another on a connection. The answer's length is that of the first. */
function askOnOne() {
  return new Promise((resolve) => {
    const socket = net.connect(port, '127.0.0.1').setNoDelay();
    let sentAt = 0;
    let length;
    let received = 0;
    const send = () => {
      sentAt = performance.now();
      received = 0;
      socket.write(REQUEST);
    };
    socket.on('connect', send);
    socket.on('data', (chunk) => {
      // Of a fixed length, since it is the same text each time; only a status tells a failure.
      if (received === 0 && chunk.toString('latin1', 9, 12) !== '200') failed++;
      received += chunk.length;
      length ??= lengthOf(chunk);
      if (received < length) return;
      latencies.push(performance.now() - sentAt);
      if (performance.now() < deadline) send();
      else socket.end();
    });
    socket.on('error', () => failed++);
    socket.on('close', resolve);
  });
}

function lengthOf(chunk) {
  const text = chunk.toString('latin1');
  return text.indexOf(END_OF_HEAD) + END_OF_HEAD.length + Number(/content-length: (\d+)/i.exec(text)[1]);
}

/** One connection after another, with one request each. */
async function askOnNew() {
  while (performance.now() < deadline) {
    const sentAt = performance.now();
    const isAnswered = await askOnce();
    if (isAnswered) latencies.push(performance.now() - sentAt);
    else failed++;
  }
}

function askOnce() {
  return new Promise((resolve) => {
    const socket = net.connect(port, '127.0.0.1');
    let isAnswered = false;
    socket.on('connect', () => socket.write(REQUEST));
    socket.on('data', (chunk) => (isAnswered ||= chunk.toString('latin1', 9, 12) === '200'));
    socket.on('error', () => {});
    socket.on('close', () => resolve(isAnswered));
  });
}
