import { subscribe } from 'node:diagnostics_channel';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { addToPage } from './page-response.ts';

/**
 * What a browser says so that less than the page is sent: compressed, the script could not be added to it; and one that
 * the browser has kept may have the script of a primary that is gone.
 */
const SHORTCUTS: ReadonlySet<string> = new Set(['accept-encoding', 'if-none-match', 'if-modified-since']);

/** Where a page is to be shown, as browsers say it. What a script fetches is not a page, whatever it accepts. */
const SHOWN: ReadonlySet<unknown> = new Set([undefined, 'document', 'iframe', 'frame']);

/** Adds the script `src` to every page that the app answers with over HTTP/1. */
export function addLiveReload(src: string): void {
  subscribe('http.server.request.start', (message) => {
    const { request, response } = message as { request: IncomingMessage; response: ServerResponse };
    if (!wantsPage(request)) return;
    askForAll(request);
    addToPage(response, src);
  });
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
