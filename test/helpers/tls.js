import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import https from 'node:https';
import path from 'node:path';
import tls from 'node:tls';
import { ROOT } from './project.js';

const FOLDER = path.join(ROOT, 'test', 'fixtures', 'tls');
const file = (name) => path.join(FOLDER, name);

/** What trusts the servers of tests. */
export const TRUST = { ca: [readFileSync(file('server.crt')), readFileSync(file('other.crt'))] };

/** The certificate that a client shows, and its key. */
export const CLIENT = { key: readFileSync(file('client.key')), cert: readFileSync(file('client.crt')) };

/** Options of a TLS server that asks for the certificate of its client and has two names, as source text. */
export const SERVER = `{ key: fs.readFileSync(${JSON.stringify(file('server.key'))}), cert: fs.readFileSync(${JSON.stringify(file('server.crt'))}), ca: fs.readFileSync(${JSON.stringify(file('client.crt'))}), requestCert: true, rejectUnauthorized: false }`;
export const OTHER_NAME = `'other.localhost', { key: fs.readFileSync(${JSON.stringify(file('other.key'))}), cert: fs.readFileSync(${JSON.stringify(file('other.crt'))}) }`;

/** One request; resolves with status, headers, body and the client's own port; rejects as the client would see it. */
export function secureRequest(port, { method = 'GET', path = '/', body, agent = false, headers, ...options } = {}) {
  return new Promise((resolve, reject) => {
    const target = {
      port,
      host: '127.0.0.1',
      servername: 'localhost',
      method,
      path,
      agent,
      headers,
      ...TRUST,
      ...options,
    };
    const sent = https.request(target, (response) => {
      let text = '';
      const { localPort } = response.socket;
      response.setEncoding('utf8');
      response.on('data', (chunk) => (text += chunk));
      response.on('error', reject);
      response.on('end', () =>
        resolve({ status: response.statusCode, headers: response.headers, body: text, localPort }),
      );
    });
    sent.on('error', reject);
    sent.end(body);
  });
}

/** A TLS connection that is asked by writing text, and its answers one by one. */
export class RawClient {
  text = '';

  /** `options` of tls.connect(). */
  static async connect(t, port, options = {}) {
    const socket = tls.connect({ port, host: '127.0.0.1', servername: 'localhost', ...TRUST, ...options });
    t.after(() => socket.destroy());
    await once(socket, 'secureConnect');
    return new RawClient(socket);
  }

  constructor(socket) {
    this.socket = socket;
    socket.setEncoding('latin1').on('data', (chunk) => (this.text += chunk));
    this.ended = once(socket, 'end');
    this.closed = new Promise((resolve) => socket.on('error', () => {}).once('close', resolve));
  }

  write(text) {
    this.socket.write(text);
  }

  /** Resolves with the answers since the last call when there are that many. */
  async answers(count) {
    const all = () => this.text.split(/(?=HTTP\/1\.1 )/).filter((answer) => /\r\n\r\n[^]*v\d+$/.test(answer));
    while (all().length < count) {
      await Promise.race([
        once(this.socket, 'data'),
        this.ended.then(() => Promise.reject(new Error(`ended: ${this.text}`))),
      ]);
    }
    const answers = all();
    this.text = '';
    return answers.map((answer) => ({ isLast: /connection: close/i.test(answer), body: /v\d+$/.exec(answer)[0] }));
  }

  async ask(path = '/') {
    this.write(get(path));
    return (await this.answers(1))[0];
  }
}

export const get = (path = '/') => `GET ${path} HTTP/1.1\r\nHost: app\r\n\r\n`;
