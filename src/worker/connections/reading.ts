import type { Socket } from 'node:net';
import type { RawHandle } from '../../protocol.ts';
import { setReading } from './http-connections.ts';

/** Read from lib/net.js, lib/internal/streams/readable.js and lib/string_decoder.js, Node 20–26. */
interface InternalSocket {
  _handle: (RawHandle & { readStart?: () => number }) | null;
  read: Socket['read'];
  _readableState: { decoder?: { lastChar: Buffer; lastNeed: number; lastTotal: number } | null };
}

const internals = (socket: Socket): InternalSocket => socket as unknown as InternalSocket;

/**
 * Gives nothing more to whoever reads a socket, in whatever way: events, iteration, a pipe. What has not been read yet stays
 * in the kernel, what has been read but not taken in the socket.
 */
export function stopReading(socket: Socket): void {
  const { _handle: handle } = internals(socket);
  setReading(socket, false);
  // Who takes the rest of what was read sets reading off again.
  if (handle) handle.readStart = () => 0;
  internals(socket).read = () => null;
}

export function resumeReading(socket: Socket): void {
  letRead(socket);
  setReading(socket, true);
  if (socket.readableLength === 0) return;
  // Who was refused what is there waits to be told of it.
  if (socket.readableFlowing) socket.pause().resume();
  else socket.emit('readable');
}

/** Takes out what was read of a stopped socket but not taken, as it came. Its listeners are not told. */
export function takeUnread(socket: Socket): Buffer {
  for (const name of ['data', 'readable', 'end']) socket.removeAllListeners(name);
  const { decoder } = internals(socket)._readableState;
  const { readableEncoding: encoding } = socket;
  delete (socket as Partial<InternalSocket>).read;
  const chunks: Buffer[] = [];
  for (let chunk: unknown; (chunk = socket.read()) !== null;) {
    chunks.push(typeof chunk === 'string' ? Buffer.from(chunk, encoding ?? 'utf8') : (chunk as Buffer));
  }
  // The first bytes of a character whose last ones have not come.
  if (decoder && decoder.lastNeed > 0) chunks.push(decoder.lastChar.subarray(0, decoder.lastTotal - decoder.lastNeed));
  letRead(socket);
  return Buffer.concat(chunks);
}

function letRead(socket: Socket): void {
  const { _handle: handle } = internals(socket);
  delete (socket as Partial<InternalSocket>).read;
  if (handle) delete handle.readStart;
}
