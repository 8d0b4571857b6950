import { randomUUID } from 'node:crypto';
import { lookup } from 'node:dns';
import { once } from 'node:events';
import http from 'node:http';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { ArrivingState } from '../keep/arriving-state.ts';
import { KeepStore } from '../keep/keep-store.ts';
import { listenByNode } from '../connections/node-listen.ts';
import { loadedFirst } from './loaded-first.ts';

// Code is compiled when it is used first. What was used here need not be when nobody serves, or for a first request.

/** Something of each kind that apps keep, apart from classes of their own. */
const example = (): unknown => ({
  map: new Map<unknown, unknown>([
    ['a', { id: 1, name: 'one', price: 1.5, at: new Date(0), tags: ['x', null, true] }],
    [2, new Set(['b', 3n])],
  ]),
  bytes: new Uint8Array(8),
});

/** Carries a small state from one store to another. */
export function rehearseState(): void {
  const from = new KeepStore(() => {});
  from.keep('example', example, {});
  const state = new ArrivingState();
  from.capture((bytes) => state.write(Buffer.from(bytes)));
  state.end();
  const to = new KeepStore(() => {});
  to.restore(state);
  to.keep('example', example, {});
}

const ADDRESSES = ['127.0.0.1', '0.0.0.0', '::', '::1', 'localhost'];

/** The last one ends its connection. */
const REQUESTS = [
  'GET / HTTP/1.1\r\nHost: localhost\r\nAccept: */*\r\n\r\n',
  'POST /?a=b HTTP/1.1\r\nHost: localhost\r\nContent-Type: text/plain\r\nContent-Length: 1\r\n\r\nx',
  'GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n',
].join('');

/** A loader of TypeScript looks at no request. */
const LOADERS = /(?:^|[\\/])(?:tsx|ts-node|@swc-node[\\/]register)(?:[\\/]|$)/;

/** Answers requests on a server of its own, unless something might notice one that no client has sent. */
export async function rehearseHttp(): Promise<void> {
  if (loadedFirst().some((name) => !LOADERS.test(name))) return;
  const server = http.createServer((request, response) => {
    request.resume().on('end', () => {
      response.setHeader('Content-Type', 'application/json; charset=utf-8');
      response.end('{}');
    });
  });
  // listen() looks up even what is an address, and its regular expression for IPv6 takes milliseconds to compile.
  await new Promise((resolve) => lookup('127.0.0.1', resolve));
  for (const address of ADDRESSES) net.isIPv6(address);
  const name = `handover-${randomUUID()}`;
  const address = process.platform === 'win32' ? `\\\\.\\pipe\\${name}` : path.join(os.tmpdir(), name);
  try {
    await once(listenByNode(server, address), 'listening');
    const client = net.connect(address).resume();
    client.write(REQUESTS);
    await once(client, 'close');
  } catch {
    // There is no place for it.
  } finally {
    server.close();
  }
}
