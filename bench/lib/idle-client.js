// Holds connections open, in a process of its own. Is told by messages: { open: count } opens so many and sends a request
// on each, { ask: true } sends another request on each, one after the other. Answers each with what became of them.
import net from 'node:net';

const port = Number(process.argv[2]);
/** Fewer than the backlog that a system is likely to have. */
const AT_ONCE = 100;
/** A request without an answer after this time, in milliseconds, has failed. */
const TIMEOUT = 15_000;
const REQUEST = 'GET / HTTP/1.1\r\nHost: localhost\r\n\r\n';
const sockets = [];

process.on('message', async (message) => {
  if (message.open !== undefined) {
    for (let left = message.open; left > 0; left -= AT_ONCE) {
      await Promise.all(Array.from({ length: Math.min(left, AT_ONCE) }, connect));
    }
    process.send({ open: sockets.length });
  } else {
    process.send(await ask());
  }
});
process.once('disconnect', () => process.exit());

async function connect() {
  const socket = net.connect(port, '127.0.0.1');
  // What ends it is seen when it is asked.
  socket.setNoDelay().on('error', () => {});
  sockets.push(socket);
  await answerOf(socket);
}

async function ask() {
  const answers = new Map();
  let failed = 0;
  let longestMs = 0;
  for (const socket of sockets) {
    const began = performance.now();
    try {
      const { version } = await answerOf(socket);
      answers.set(version, (answers.get(version) ?? 0) + 1);
    } catch {
      failed++;
    }
    longestMs = Math.max(longestMs, performance.now() - began);
  }
  return { answered: Object.fromEntries(answers), failed, longestMs };
}

/** Sends a request; resolves with the JSON of its answer. */
function answerOf(socket) {
  return new Promise((resolve, reject) => {
    let text = '';
    const end = (error) => {
      clearTimeout(timer);
      socket.off('data', onData);
      socket.off('close', onClose);
      if (error) reject(error);
    };
    const onData = (chunk) => {
      text += chunk;
      const head = text.indexOf('\r\n\r\n');
      const length = Number(/content-length: (\d+)/i.exec(text)?.[1]);
      if (head < 0 || text.length < head + 4 + length) return;
      if (!text.startsWith('HTTP/1.1 200')) return end(new Error(text.slice(0, head)));
      end();
      resolve(JSON.parse(text.slice(head + 4)));
    };
    const onClose = () => end(new Error('closed'));
    const timer = setTimeout(() => end(new Error('no answer')), TIMEOUT);
    socket.on('data', onData);
    socket.on('close', onClose);
    if (socket.destroyed) onClose();
    else socket.write(REQUEST);
  });
}
