import { get, type IncomingMessage, type ServerResponse } from 'node:http';
import { isIP } from 'node:net';
import path from 'node:path';
import { pathToFileURL } from 'node:url';

/** What there is to be found. */
export interface Target {
  id: string;
  /** The app's entry. */
  exec: string;
  /** Where the inspector of the worker listens; undefined: there is none. */
  worker: () => string | undefined;
}

/** Answers what debuggers ask to find the app, as Node's own inspector does (src/inspector_socket_server.cc, Node 20–26). */
export function answerDiscovery(request: IncomingMessage, response: ServerResponse, target: Target): void {
  const { host } = request.headers;
  if (host === undefined || !isAllowed(request)) {
    response.writeHead(400, { 'content-type': 'text/plain' }).end('Host header must be an IP address or localhost\n');
    return;
  }
  const { pathname } = new URL(request.url ?? '/', 'http://localhost');
  switch (pathname.replace(/\/$/, '')) {
    case '/json':
    case '/json/list':
      sendJson(response, [describe(target, host)]);
      break;
    case '/json/version':
      sendJson(response, { Browser: `node.js/${process.version}`, 'Protocol-Version': '1.1' });
      break;
    case '/json/protocol':
      passOn(response, target, pathname);
      break;
    case `/json/activate/${target.id}`:
      response.end('Target activated');
      break;
    default:
      response.writeHead(404, { 'content-type': 'text/plain' }).end('WebSockets request was expected\n');
  }
}

/** As Node's own does it: a name that a page of the web has made to mean this machine is refused. */
export function isAllowed({ headers }: IncomingMessage): boolean {
  const host = (headers.host ?? '').replace(/:\d+$/, '').replace(/^\[(.*)\]$/, '$1');
  return isIP(host) !== 0 || /^localhost6?$/i.test(host);
}

function describe({ id, exec }: Target, authority: string): object {
  const frontend = `experiments=true&v8only=true&ws=${authority}/${id}`;
  return {
    description: 'node.js instance',
    devtoolsFrontendUrl: `devtools://devtools/bundled/js_app.html?${frontend}`,
    devtoolsFrontendUrlCompat: `devtools://devtools/bundled/inspector.html?${frontend}`,
    faviconUrl: 'https://nodejs.org/static/images/favicons/favicon.ico',
    id,
    title: path.basename(exec),
    type: 'node',
    url: pathToFileURL(exec).href,
    webSocketDebuggerUrl: `ws://${authority}/${id}`,
  };
}

/** What Node tells of itself, the worker's own inspector tells. */
function passOn(response: ServerResponse, { worker }: Target, pathname: string): void {
  const refuse = (): unknown => response.writeHead(503).end();
  const url = worker();
  if (url === undefined) {
    refuse();
    return;
  }
  get(new URL(pathname, url.replace(/^ws/, 'http')), (answer) => {
    response.writeHead(answer.statusCode ?? 500, answer.headers);
    answer.pipe(response);
  }).on('error', refuse);
}

function sendJson(response: ServerResponse, value: unknown): void {
  response
    .writeHead(200, { 'content-type': 'application/json; charset=UTF-8', 'cache-control': 'no-cache' })
    .end(`${JSON.stringify(value, undefined, 2)}\n\n`);
}
