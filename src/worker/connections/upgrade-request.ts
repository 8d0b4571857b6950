import { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';

/** What of a request can be told to another process. */
export interface PackedUpgradeRequest {
  method: string | undefined;
  url: string | undefined;
  httpVersion: string;
  headers: IncomingMessage['headers'];
  rawHeaders: string[];
}

export function packUpgradeRequest({
  method,
  url,
  httpVersion,
  headers,
  rawHeaders,
}: IncomingMessage): PackedUpgradeRequest {
  return { method, url, httpVersion, headers, rawHeaders };
}

/** The request with which a connection began in another process. */
export function unpackUpgradeRequest(packed: PackedUpgradeRequest, socket: Socket): IncomingMessage {
  const request = new IncomingMessage(socket);
  const [httpVersionMajor, httpVersionMinor] = packed.httpVersion.split('.').map(Number);
  Object.assign(request, packed, { httpVersionMajor, httpVersionMinor, upgrade: true, complete: true });
  request.push(null);
  return request;
}
