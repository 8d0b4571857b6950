import { once } from 'node:events';
import net from 'node:net';

/** A client that writes what it is told, byte by byte, and shows what it got. */
export class RawClient {
  text = '';
  ended = false;
  error;
  #waiters = new Set();

  /** `to`: a port on loopback, or the path of a socket. */
  static async connect(t, to, options) {
    const socket = net.connect(typeof to === 'string' ? { path: to } : { port: to, host: '127.0.0.1', ...options });
    t.after(() => socket.destroy());
    await once(socket, 'connect');
    return new RawClient(socket);
  }

  constructor(socket) {
    this.socket = socket;
    if (socket.setNoDelay) socket.setNoDelay();
    this.closed = once(socket, 'close');
    this.closed.catch(() => {});
    socket.setEncoding('latin1').on('data', (text) => {
      this.text += text;
      this.#check();
    });
    socket.on('end', () => {
      this.ended = true;
      this.#check();
    });
    socket.on('error', (error) => {
      this.error = error;
      this.#check();
    });
    socket.on('close', () => {
      this.ended = true;
      this.#check();
    });
  }

  /** Resolves when the bytes are in the kernel. */
  write(text) {
    return new Promise((resolve) => this.socket.write(text, 'latin1', resolve));
  }

  /** Resolves with the match once it has come; rejects when the connection ends without it. */
  got(pattern) {
    return this.#until(() => pattern.exec(this.text));
  }

  /** The bodies of all answers so far, which end in a semicolon. */
  get answers() {
    return [...this.text.matchAll(/v\d \S+;/g)].map(([answer]) => answer);
  }

  /** Resolves with the answers when there are so many. */
  answered(count) {
    return this.#until(() => (this.answers.length >= count ? this.answers : undefined));
  }

  #until(look) {
    return new Promise((resolve, reject) => {
      const check = () => {
        const seen = look();
        if (seen) resolve(seen);
        else if (this.ended)
          reject(new Error(`ended (${this.error?.code}) with ${JSON.stringify(this.text.slice(-500))}`));
        return Boolean(seen) || this.ended;
      };
      if (!check()) this.#waiters.add(check);
    });
  }

  #check() {
    for (const check of this.#waiters) if (check()) this.#waiters.delete(check);
  }
}
