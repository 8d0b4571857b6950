import type { Luggage } from './protocol.ts';

const KIND = 'http-request';

/** The bytes of a request that a process has read, but not begun to handle: they go with its connection. */
export function packRequest(bytes: Buffer): Luggage {
  return { kind: KIND, data: bytes.toString('base64') };
}

/** undefined: it is another kind of luggage, or none. */
export function unpackRequest(luggage: Luggage | undefined): Buffer | undefined {
  return luggage?.kind === KIND ? Buffer.from(String(luggage.data), 'base64') : undefined;
}
