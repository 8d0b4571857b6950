import { HandoverError } from '../errors.ts';

/** One kept value, as opaque bytes. */
export interface BlobEntry {
  key: string;
  version: number;
  bytes: Uint8Array;
}

const MAGIC = 0x48_4f_53_31; // "HOS1"

/**
 * All of a generation's state: the magic, the number of entries, and for each the lengths of its key and bytes, its
 * version, the key, the bytes. Integers are little-endian, 32 bits; the length of the bytes has 64. In parts, so that
 * nothing large is copied.
 */
export function encodeBlob(entries: readonly BlobEntry[]): Uint8Array[] {
  const head = Buffer.alloc(8);
  head.writeUInt32LE(MAGIC, 0);
  head.writeUInt32LE(entries.length, 4);
  return [head, ...entries.flatMap(encodeEntry)];
}

function encodeEntry({ key, version, bytes }: BlobEntry): Uint8Array[] {
  const name = Buffer.from(key);
  const head = Buffer.alloc(16);
  head.writeUInt32LE(name.length, 0);
  head.writeBigUInt64LE(BigInt(bytes.length), 4);
  head.writeUInt32LE(version, 12);
  return [head, name, bytes];
}

/** The entries by key; their bytes are views of the blob. Throws HandoverError STATE_REJECTED when it is none. */
export function decodeBlob(blob: Buffer): Map<string, BlobEntry> {
  const entries = new Map<string, BlobEntry>();
  let at = 8;
  const need = (length: number): void => {
    if (at + length > blob.length)
      throw new HandoverError('STATE_REJECTED', `the state ends at byte ${blob.length}, in the middle of an entry`);
  };
  if (blob.length < 8 || blob.readUInt32LE(0) !== MAGIC)
    throw new HandoverError('STATE_REJECTED', 'the state is not one of handover: it begins otherwise');
  const count = blob.readUInt32LE(4);
  for (let index = 0; index < count; index++) {
    need(16);
    const keyLength = blob.readUInt32LE(at);
    const length = Number(blob.readBigUInt64LE(at + 4));
    const version = blob.readUInt32LE(at + 12);
    at += 16;
    need(keyLength + length);
    const key = blob.toString('utf8', at, at + keyLength);
    entries.set(key, { key, version, bytes: blob.subarray(at + keyLength, at + keyLength + length) });
    at += keyLength + length;
  }
  if (at !== blob.length) throw new HandoverError('STATE_REJECTED', `the state has ${blob.length - at} bytes too many`);
  return entries;
}
