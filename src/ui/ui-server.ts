import { createServer, type IncomingMessage, type OutgoingHttpHeaders, type ServerResponse } from 'node:http';
import type { ProcessRestarter } from '../primary/process-restarter.ts';
import { isFromLoopback, isToken, newToken, refuseHost, refusePage } from './access.ts';
import { asset, PAGE_ASSETS } from './assets.ts';
import { listenNear } from './listen.ts';
import { PageFeed } from './page-feed.ts';
import { ReloadFeed } from './reload-feed.ts';

/** Where the script for the app's pages is looked for when there is no page of the restarts; they find it again there. */
const RELOAD_PORT = 4242;

/** The page may load what comes from here, and nothing else; nobody may frame it. */
const POLICY =
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

const COMMON: OutgoingHttpHeaders = {
  'cache-control': 'no-store',
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
};

/** For the page of handover alone. */
const PRIVATE: OutgoingHttpHeaders = {
  ...COMMON,
  'content-security-policy': POLICY,
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  'x-frame-options': 'DENY',
};

/** Serves what browsers get from handover, on loopback: the page of the restarts, and the script for the app's pages. */
export class UiServer {
  readonly #restarter: ProcessRestarter;
  readonly #server = createServer((request, response) => void this.#answer(request, response));
  readonly #pageToken = newToken();
  /** It stands in the app's pages, whose scripts may read it: it opens nothing but what is for them. */
  readonly #reloadToken = newToken();
  readonly #page: PageFeed | undefined;
  readonly #reload: ReloadFeed;
  #port = 0;

  /** @throws HandoverError UI_PORT_TAKEN */
  static async start(restarter: ProcessRestarter, ui: number | false): Promise<UiServer> {
    const server = new UiServer(restarter, { hasPage: ui !== false });
    server.#port = await listenNear(server.#server, ui === false ? RELOAD_PORT : ui, { orAny: ui === false });
    return server;
  }

  private constructor(restarter: ProcessRestarter, { hasPage }: { hasPage: boolean }) {
    this.#restarter = restarter;
    this.#page = hasPage ? new PageFeed(restarter) : undefined;
    this.#reload = new ReloadFeed(restarter, newToken());
  }

  /** Where the restarts are shown. */
  get pageUrl(): string | undefined {
    return this.#page && `http://127.0.0.1:${this.#port}/?token=${this.#pageToken}`;
  }

  /** The script for the app's pages. */
  get scriptUrl(): string {
    return `http://127.0.0.1:${this.#port}/reload.js?token=${this.#reloadToken}`;
  }

  async close(): Promise<void> {
    this.#page?.stop();
    this.#reload.stop();
    const closed = new Promise((resolve) => this.#server.close(resolve));
    this.#server.closeAllConnections();
    await closed;
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    request.resume();
    const refusal = refuseHost(request, this.#port);
    if (refusal) {
      refuse(response, 403, refusal);
      return;
    }
    const [path = '/', query = ''] = (request.url ?? '/').split('?', 2);
    const token = new URLSearchParams(query).get('token');
    try {
      if (path === '/reload.js') await this.#sendReloadScript(request, response);
      else if (path === '/reload') this.#streamReloads(request, response, token);
      else if (this.#page) await this.#answerPage(this.#page, request, response, { path, token });
      else refuse(response, 404, 'there is no page of the restarts; start handover with --ui');
    } catch {
      refuse(response, 500, 'a file of handover could not be read; install it anew');
    }
  }

  async #answerPage(
    page: PageFeed,
    request: IncomingMessage,
    response: ServerResponse,
    { path, token }: { path: string; token: string | null },
  ): Promise<void> {
    const refusal = refusePage(request, this.#port);
    if (refusal) {
      refuse(response, 403, refusal);
      return;
    }
    const name = path.slice(1);
    if (PAGE_ASSETS.has(name)) {
      if (allows(request, response, READ)) send(response, await asset(name), PRIVATE);
      return;
    }
    if (!['/', '/events', '/restart'].includes(path)) {
      refuse(response, 404, 'there is nothing here');
      return;
    }
    if (!isToken(token, this.#pageToken)) {
      refuse(
        response,
        403,
        'the token in the address is not the one of this run; open the address that handover shows',
      );
      return;
    }
    if (path === '/restart') {
      if (allows(request, response, ['POST'])) this.#restart(response);
    } else if (path === '/events') {
      if (allows(request, response, ['GET'])) page.stream.add(response, PRIVATE, page.first);
    } else if (allows(request, response, READ)) {
      send(response, await asset('page.html'), PRIVATE);
    }
  }

  #restart(response: ServerResponse): void {
    // What comes of it is told by the events.
    this.#restarter.restart('page').catch(() => {});
    response.writeHead(202, PRIVATE).end();
  }

  /** Any page may run it: what it has to tell it gets from below. */
  async #sendReloadScript(request: IncomingMessage, response: ServerResponse): Promise<void> {
    if (!allows(request, response, READ)) return;
    send(response, await asset('reload.js'), { ...COMMON, 'cross-origin-resource-policy': 'cross-origin' });
  }

  /** A failure has parts of the source in it: no page of the web may read it. */
  #streamReloads(request: IncomingMessage, response: ServerResponse, token: string | null): void {
    if (!allows(request, response, ['GET'])) return;
    const { origin } = request.headers;
    if (!isToken(token, this.#reloadToken) && !isFromLoopback(origin)) {
      refuse(response, 403, `this is for pages of this machine; the script of others needs a token: --live-reload`);
      return;
    }
    const cors = origin === undefined ? {} : { 'access-control-allow-origin': origin, vary: 'Origin' };
    this.#reload.stream.add(response, { ...COMMON, ...cors }, this.#reload.state);
  }
}

const READ = ['GET', 'HEAD'];

function allows({ method = '' }: IncomingMessage, response: ServerResponse, allowed: string[]): boolean {
  if (allowed.includes(method)) return true;
  response.setHeader('allow', allowed.join(', '));
  refuse(response, 405, `expected ${allowed.join(' or ')}, got ${method}`);
  return false;
}

function send(
  response: ServerResponse,
  { type, body }: { type: string; body: Buffer },
  headers: OutgoingHttpHeaders,
): void {
  response.writeHead(200, { ...headers, 'content-type': type, 'content-length': body.length }).end(body);
}

function refuse(response: ServerResponse, status: number, reason: string): void {
  response.writeHead(status, { ...PRIVATE, 'content-type': 'text/plain; charset=utf-8' }).end(`${reason}\n`);
}
