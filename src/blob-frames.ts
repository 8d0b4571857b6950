/** Frames on the wire: a kind, then the id of the blob or the number of bytes that follow. Integers of 32 bits. */
export const HEAD = 8;
export const BEGIN = 1;
export const BYTES = 2;
export const END = 3;
export const ABORT = 4;

export function frame(kind: number, argument: number): Buffer {
  const head = Buffer.allocUnsafe(HEAD);
  head.writeUInt32LE(kind, 0);
  head.writeUInt32LE(argument, 4);
  return head;
}
