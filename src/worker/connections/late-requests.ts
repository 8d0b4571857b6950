import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';

/**
 * Node's HTTP parser while it reads a connection by itself (`consume`): it calls `onIncoming` with each request whose
 * head is complete, and after each piece that it has read the callback `kOnExecute` with the number of bytes that it
 * has used of it. An `onIncoming` that returns 2 ends its work behind the head, as for an upgrade to another protocol.
 * Read from lib/_http_server.js, lib/_http_common.js, src/node_http_parser.cc, Node 20–26.
 */
interface ReadingParser {
  constructor: { kOnExecute?: number };
  [callback: number]: unknown;
  _consumed?: boolean;
  onIncoming: (request: IncomingMessage, keepAlive: boolean) => unknown;
  getCurrentBuffer(): Buffer;
}

interface InternalSocket {
  parser?: ReadingParser | null;
  _handle?: { readStart(): number; readStop(): number } | null;
}

const STOP_BEHIND_HEAD = 2;

/** What watches each parser now. */
const guards = new WeakMap<ReadingParser, ReadingParser['onIncoming']>();

/**
 * From now on a request whose head comes in when `mayBegin()` is false is not begun: nothing more is read from the
 * connection, and `onLate` gets all that was read of the request and of what follows it; once more, with all of it, when
 * more had been read already. Returns false when that is not possible, since not Node's parser reads the connection.
 */
export function guardRequests(socket: Socket, mayBegin: () => boolean, onLate: (bytes: Buffer) => void): boolean {
  const { parser } = socket as unknown as InternalSocket;
  const kOnExecute = parser?.constructor.kOnExecute;
  if (!parser?._consumed || kOnExecute === undefined) return false;
  const { onIncoming, [kOnExecute]: onExecute } = parser;
  if (guards.get(parser) === onIncoming) return true;
  let head: Buffer | undefined;
  let late: Buffer | undefined;
  parser.onIncoming = (request, keepAlive) => {
    if (late) return STOP_BEHIND_HEAD;
    if (mayBegin()) return onIncoming.call(parser, request, keepAlive);
    head = headOf(request);
    return STOP_BEHIND_HEAD;
  };
  guards.set(parser, parser.onIncoming);
  parser[kOnExecute] = (used: unknown) => {
    if (!head) {
      (onExecute as (used: unknown) => void)(used);
      return;
    }
    stopReadingForGood(socket);
    const piece = parser.getCurrentBuffer();
    // TLS gives each record that has been decrypted, also after it was told to stop: those are as they came in.
    late = late
      ? Buffer.concat([late, piece])
      : Buffer.concat([head, typeof used === 'number' ? piece.subarray(used) : Buffer.alloc(0)]);
    onLate(late);
  };
  return true;
}

/** The head as it came in, but for the spaces that mean nothing. */
function headOf({ method, url, httpVersion, rawHeaders }: IncomingMessage): Buffer {
  const lines = [`${method} ${url} HTTP/${httpVersion}`];
  for (let at = 0; at < rawHeaders.length; at += 2) lines.push(`${rawHeaders[at]}: ${rawHeaders[at + 1]}`);
  return Buffer.from(`${lines.join('\r\n')}\r\n\r\n`, 'latin1');
}

/** Lets a connection be read again whose late request has been taken out of it. */
export function readAgain(socket: Socket): void {
  delete (socket as unknown as { _handle?: { readStart?: unknown } })._handle?.readStart;
}

/** A handler that still reads the body of an earlier request would make the socket read on. */
function stopReadingForGood(socket: Socket): void {
  const handle = (socket as unknown as InternalSocket)._handle;
  if (!handle) return;
  handle.readStop();
  handle.readStart = () => 0;
}
