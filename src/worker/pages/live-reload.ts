import { subscribe } from 'node:diagnostics_channel';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Server } from 'node:net';
import { addToPage } from './page-response.ts';

/**
 * What a browser says so that less than the page is sent: compressed, the script could not be added to it; and one that
 * the browser has kept may have the script of a primary that is gone.
 */
const SHORTCUTS: ReadonlySet<string> = new Set(['accept-encoding', 'if-none-match', 'if-modified-since']);

/** Where a page is to be shown, as browsers say it. What a script fetches is not a page, whatever it accepts. */
const SHOWN: ReadonlySet<unknown> = new Set([undefined, 'document', 'iframe', 'frame']);

/** What node:http2 gives to the listeners for `request` has all that is used here of these. */
interface Exchange {
  request: IncomingMessage;
  response: ServerResponse;
}

/** Adds the script `src` to every page that the app answers a request with. */
export function addLiveReload(src: string): void {
  const onExchange = ({ request, response }: Exchange): void => {
    if (!wantsPage(request)) return;
    askForAll(request);
    addToPage(response, src);
  };
  subscribe('http.server.request.start', (message) => onExchange(message as Exchange));
  subscribe('tracing:net.server.listen:asyncStart', (message) => {
    const { server } = message as { server: Server };
    if ('updateSettings' in server) watchHttp2(server, onExchange);
  });
}

/** Not by a listener of our own: with the first one for `request` a server begins to make requests of its streams. */
function watchHttp2(server: Server, onExchange: (exchange: Exchange) => void): void {
  const { emit } = server;
  server.emit = (name: string, ...args: unknown[]): boolean => {
    if (name === 'request') {
      const [request, response] = args as [IncomingMessage, ServerResponse];
      // One of HTTP/1, which such a server may allow, is told of above.
      if (request.httpVersionMajor === 2) onExchange({ request, response });
    }
    return Reflect.apply(emit, server, [name, ...args]) as boolean;
  };
}

function wantsPage({ method, headers }: IncomingMessage): boolean {
  return method === 'GET' && !!headers.accept?.includes('text/html') && SHOWN.has(headers['sec-fetch-dest']);
}

/** Some frameworks read the headers from the one, some from the other. */
function askForAll({ headers, rawHeaders }: IncomingMessage): void {
  for (const name of SHORTCUTS) delete headers[name];
  for (let at = rawHeaders.length - 2; at >= 0; at -= 2) {
    if (SHORTCUTS.has(String(rawHeaders[at]).toLowerCase())) rawHeaders.splice(at, 2);
  }
}
