import { once } from 'node:events';
import http2 from 'node:http2';
import net from 'node:net';
import { TRUST } from './tls.js';

/** A client as its protocol has it: it opens another session when the one it has was closed by the server. */
export class Http2Client {
  /** How many sessions it has opened. */
  sessions = 0;
  /** Of the sessions that ended otherwise than by the protocol. */
  failures = [];
  #origin;
  #options;
  #session;
  #open = new Set();

  constructor(t, port, { secure, ...options }) {
    this.#origin = `${secure ? 'https' : 'http'}://localhost:${port}`;
    const lookup = (host, { all }, callback) =>
      all ? callback(null, [{ address: '127.0.0.1', family: 4 }]) : callback(null, '127.0.0.1', 4);
    this.#options = { ...TRUST, lookup, ...options };
    t.after(() => this.destroy());
  }

  get session() {
    if (!this.#session || this.#session.closed || this.#session.destroyed) {
      const session = http2.connect(this.#origin, this.#options);
      session.on('error', (error) => this.failures.push(String(error.code)));
      session.on('close', () => this.#open.delete(session));
      this.#open.add(session);
      this.#session = session;
      this.sessions++;
    }
    return this.#session;
  }

  /** Begins a stream; resolves with its answer, rejects with the error of the stream. */
  request(headers = {}, body) {
    const stream = this.session.request({ ':path': '/', ...headers });
    const answer = new Promise((resolve, reject) => {
      let text = '';
      let status;
      stream.setEncoding('utf8');
      stream.on('response', (all) => (status = all[':status']));
      stream.on('data', (chunk) => (text += chunk));
      stream.on('error', reject);
      stream.on('close', () => resolve({ status, body: text }));
    });
    if (body !== null) stream.end(body);
    return Object.assign(answer, { stream });
  }

  destroy() {
    for (const session of this.#open) session.destroy();
  }
}

/** Whether the server has said that it has done nothing about a stream, so that it may be repeated (RFC 9113, 8.7). */
export function isRefused({ message }) {
  return /NGHTTP2_REFUSED_STREAM/.test(message);
}

const PREFACE = 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n';
export const HEADERS = 1;
export const RST_STREAM = 3;
export const SETTINGS = 4;
export const GOAWAY = 7;

/** A client that does as it likes: it confirms nothing and takes no notice of GOAWAY. */
export class StubbornClient {
  frames = [];
  #socket;
  #rest = Buffer.alloc(0);

  static async connect(t, port) {
    const socket = net.connect(port, '127.0.0.1').setNoDelay();
    t.after(() => socket.destroy());
    socket.on('error', () => {});
    await once(socket, 'connect');
    return new StubbornClient(socket);
  }

  constructor(socket) {
    this.#socket = socket;
    this.closed = once(socket, 'close');
    socket.write(PREFACE);
    this.send(SETTINGS, 0);
    socket.on('data', (chunk) => this.#read(chunk));
  }

  /** Method and scheme are of the static table; path and authority (`app`) have names of it. */
  get(stream, path = '/') {
    const text = (name, value) => [name, value.length, ...Buffer.from(value)];
    this.send(HEADERS, stream, Buffer.from([0x82, 0x86, ...text(0x44, path), ...text(0x41, 'app')]), 0x5);
  }

  send(type, stream, payload = Buffer.alloc(0), flags = 0) {
    const head = Buffer.alloc(9);
    head.writeUIntBE(payload.length, 0, 3);
    head[3] = type;
    head[4] = flags;
    head.writeUInt32BE(stream, 5);
    this.#socket.write(Buffer.concat([head, payload]));
  }

  /** Resolves with the first frame that passes. */
  async frame(passes) {
    for (;;) {
      const frame = this.frames.find(passes);
      if (frame) return frame;
      await Promise.race([
        once(this.#socket, 'data'),
        once(this.#socket, 'close').then(() =>
          Promise.reject(new Error(`closed after ${JSON.stringify(this.frames)}`)),
        ),
      ]);
    }
  }

  #read(chunk) {
    this.#rest = Buffer.concat([this.#rest, chunk]);
    for (;;) {
      const length = this.#rest.length < 9 ? Infinity : this.#rest.readUIntBE(0, 3);
      if (this.#rest.length < 9 + length) return;
      const [type, flags, stream] = [this.#rest[3], this.#rest[4], this.#rest.readUInt32BE(5)];
      this.frames.push({ type, flags, stream, payload: this.#rest.subarray(9, 9 + length) });
      this.#rest = this.#rest.subarray(9 + length);
    }
  }
}
