import http from 'node:http';
import net from 'node:net';
import type { RawHandle } from '../protocol.ts';

/** How long a connection is kept open on which no request comes, in milliseconds. */
const IDLE_TIMEOUT = 60_000;

/** Answers a connection that was held too long: 503, with the reason, on a page that tries again by itself. */
export class UnavailableServer {
  readonly #server: http.Server;

  constructor(reason: () => string) {
    this.#server = http.createServer((request, response) => {
      request.resume();
      const text = reason();
      const isPage = request.headers.accept?.includes('text/html') ?? false;
      response.writeHead(503, {
        'content-type': isPage ? 'text/html; charset=utf-8' : 'text/plain; charset=utf-8',
        'cache-control': 'no-store',
        'retry-after': '1',
        connection: 'close',
      });
      response.end(isPage ? page(text) : `${text}\n`);
    });
    this.#server.keepAliveTimeout = 1;
    // One that was handed back may be between two requests: its client must not be told that it is late with one.
    this.#server.headersTimeout = this.#server.requestTimeout = 0;
    this.#server.timeout = IDLE_TIMEOUT;
  }

  /** `bytes`: what a worker had read of a request. */
  answer(handle: RawHandle, bytes?: Buffer): void {
    const socket = new net.Socket({ handle, allowHalfOpen: true } as net.SocketConstructorOpts);
    socket.on('error', () => {});
    this.#server.emit('connection', socket);
    if (bytes) socket.emit('data', bytes);
  }
}

function page(reason: string): string {
  return `<!doctype html>
<meta charset="utf-8">
<meta http-equiv="refresh" content="1">
<title>503 – no generation serves</title>
<style>
  :root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif }
  body { max-width: 60rem; margin: 4rem auto; padding: 0 1rem }
  pre { overflow: auto; padding: 1rem; border: 1px solid }
</style>
<h1>No generation of the app serves</h1>
<pre>${escapeHtml(reason)}</pre>
<p>handover tries again at the next save; this page reloads by itself.</p>
`;
}

function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}
