import { once } from 'node:events';
import { WebSocket } from 'ws';

/**
 * An app with a WebSocketServer that is kept. It echoes each message, and pushes numbers of its own to every client.
 * `options` of the server; `carries: false`: it has no state besides that of its connections; `keeps: false`: it does not
 * call keepWebSockets().
 */
export function echoApp({ port, version = 1, options = {}, carries = true, keeps = true, pushes = true, extra = '' }) {
  return `import http from 'node:http';
import { WebSocketServer } from 'ws';
import { keep, keepWebSockets } from 'handover';
const state = ${carries ? `keep('state', () => ({ count: 0 }))` : '{ count: 0 }'};
const server = http.createServer((request, response) => response.end(String(state.count)));
const wss = new WebSocketServer({ server, ...${JSON.stringify(options)} });
${keeps ? 'keepWebSockets(wss, { save: (socket) => socket.data });' : ''}
wss.on('connection', (socket, request, moved) => {
  socket.data = moved?.data ?? { pushed: 0, url: request.url, began: ${version} };
  const timer = ${pushes} && setInterval(() => socket.send('push ' + ++socket.data.pushed), 3);
  socket.on('message', (message, isBinary) => {
    state.count++;
    if (String(message) === 'about') socket.send('about ' + JSON.stringify({ version: ${version}, moved: moved !== undefined, ...socket.data, requestUrl: request.url, agent: request.headers['x-test'], protocol: socket.protocol, clients: wss.clients.size }));
    else socket.send(message, { binary: isBinary });
  });
  socket.on('moved', () => clearInterval(timer));
  socket.on('close', () => { clearInterval(timer); console.log('client left'); });
});
${extra}
server.listen(${port}, '127.0.0.1');
`;
}

/** A client that sends numbered messages, some of them ahead of their echoes, and notes whatever is not as it must be. */
export class EchoClient {
  wrong = [];
  echoed = 0;
  pushed = 0;
  #sent = 0;
  #ahead;
  #waiters = [];
  #isStopped = false;

  constructor(port, { ahead = 5, path = '/', make, ...options } = {}) {
    this.#ahead = ahead;
    this.socket = new WebSocket(`ws://127.0.0.1:${port}${path}`, options);
    this.make = make ?? ((number) => `echo ${number} ${'lorem ipsum '.repeat(number % 50)}`);
    this.closed = once(this.socket, 'close').then(([code]) => code);
    this.socket.on('open', () => this.#fill());
    this.socket.on('message', (message, isBinary) => this.#receive(message, isBinary));
    this.socket.on('close', (code) => this.#isStopped || this.wrong.push(`closed with ${code}`));
    this.socket.on('error', (error) => this.wrong.push(String(error)));
  }

  /** Resolves when that many more echoes have come. */
  more(count) {
    return new Promise((resolve) => this.#waiters.push({ at: this.echoed + count, resolve }));
  }

  /** Resolves when every message that was sent has been echoed. */
  async stop() {
    this.#isStopped = true;
    if (this.echoed < this.#sent) await this.more(this.#sent - this.echoed);
    this.socket.close();
    return this.closed;
  }

  #fill() {
    while (!this.#isStopped && this.#sent - this.echoed < this.#ahead) this.socket.send(this.make(++this.#sent));
  }

  #receive(message, isBinary) {
    const text = String(message);
    if (text.startsWith('push ')) {
      if (text !== `push ${++this.pushed}`) this.wrong.push(`got ${text} instead of push ${this.pushed}`);
      return;
    }
    const expected = this.make(++this.echoed);
    if (!Buffer.from(expected).equals(message) || isBinary !== (typeof expected !== 'string'))
      this.wrong.push(`got ${text.slice(0, 30)} instead of echo ${this.echoed}`);
    this.#waiters = this.#waiters.filter(({ at, resolve }) => (this.echoed >= at ? resolve() : true));
    this.#fill();
  }
}

/** Resolves with the next message that passes. */
export function message(socket, passes = () => true) {
  return new Promise((resolve, reject) => {
    const fail = (code) => reject(new Error(`closed with ${code}`));
    const receive = (data) => {
      if (!passes(String(data))) return;
      socket.off('message', receive).off('close', fail);
      resolve(String(data));
    };
    socket.on('message', receive).on('close', fail);
  });
}
