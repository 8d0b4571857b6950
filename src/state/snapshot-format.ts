import { createHash, type Hash } from 'node:crypto';
import type { FileHandle } from 'node:fs/promises';

/** What a snapshot says about itself. */
export interface SnapshotMeta {
  /** The generation that the state is of, within one run of a primary. */
  generation: number;
  /** The primary's run. */
  run: string;
  /** The version of the app's package. */
  appVersion: string;
}

export interface Snapshot extends SnapshotMeta {
  blob: Buffer;
  savedAt: Date;
}

const MAGIC = Buffer.from('HANDOVER');
const FORMAT = 2;
const DIGEST = 32;
/** Prefix and JSON are not longer than this, in bytes. */
const LONGEST_HEAD = 8192;
/** Magic, format, length of the header's JSON, length of the blob, digest of all that follows these. */
export const PREFIX: number = MAGIC.length + 4 + 4 + 8 + DIGEST;

/** The parts of a snapshot file before the blob: a prefix of fixed length, then what the snapshot says about itself. */
export class SnapshotHeader {
  readonly #bytes: Buffer;
  readonly #hash: Hash;

  /** `length`: that of the blob. */
  constructor(length: number, meta: SnapshotMeta, savedAt: Date) {
    const json = Buffer.from(JSON.stringify({ ...meta, savedAt: savedAt.getTime() }));
    const prefix = Buffer.alloc(PREFIX);
    MAGIC.copy(prefix);
    prefix.writeUInt32LE(FORMAT, 8);
    prefix.writeUInt32LE(json.length, 12);
    prefix.writeBigUInt64LE(BigInt(length), 16);
    this.#bytes = Buffer.concat([prefix, json]);
    this.#hash = hashOf(prefix, json);
  }

  /** To be told every part of the blob, in order. */
  add(part: Uint8Array): void {
    this.#hash.update(part);
  }

  /** Without the digest until end(). */
  get bytes(): Buffer {
    return this.#bytes;
  }

  end(): void {
    this.#hash.digest().copy(this.#bytes, PREFIX - DIGEST);
  }
}

/** How long the file has to be, by its prefix, or what is wrong with that. */
export function sizeOf(prefix: Buffer): number | string {
  if (prefix.length < PREFIX) return `it has ${prefix.length} bytes, too few for a snapshot`;
  if (!prefix.subarray(0, 8).equals(MAGIC)) return 'it is no snapshot: its first bytes are others';
  const format = prefix.readUInt32LE(8);
  if (format !== FORMAT) return `it has format ${format}, and this version of handover reads format ${FORMAT}`;
  return PREFIX + prefix.readUInt32LE(12) + Number(prefix.readBigUInt64LE(16));
}

/** The snapshot in a file's bytes, or what is wrong with them. */
export function decodeSnapshot(bytes: Buffer): Snapshot | string {
  const size = sizeOf(bytes.subarray(0, PREFIX));
  if (typeof size === 'string') return size;
  if (bytes.length !== size)
    return `it should have ${size} bytes and has ${bytes.length}: it was not written to its end`;
  const end = PREFIX + bytes.readUInt32LE(12);
  const json = bytes.subarray(PREFIX, end);
  const blob = bytes.subarray(end);
  if (
    !hashOf(bytes.subarray(0, PREFIX), json)
      .update(blob)
      .digest()
      .equals(bytes.subarray(PREFIX - DIGEST, PREFIX))
  ) {
    return 'its checksum is wrong: it was changed after it was written';
  }
  const meta = parseMeta(json);
  return meta ? { ...meta, blob } : 'what it says about itself has another form';
}

/** What a snapshot says about itself, unchecked against its checksum; undefined when it is none. */
export async function decodeMeta(file: FileHandle): Promise<SnapshotMeta | undefined> {
  const { buffer, bytesRead } = await file.read(Buffer.alloc(LONGEST_HEAD), 0, LONGEST_HEAD, 0);
  const head = buffer.subarray(0, bytesRead);
  if (typeof sizeOf(head.subarray(0, PREFIX)) === 'string') return undefined;
  return parseMeta(head.subarray(PREFIX, PREFIX + head.readUInt32LE(12)));
}

function parseMeta(json: Buffer): (SnapshotMeta & { savedAt: Date }) | undefined {
  try {
    const { generation, run, appVersion, savedAt } = JSON.parse(json.toString()) as Record<string, unknown>;
    const date = new Date(typeof savedAt === 'number' ? savedAt : NaN);
    if (typeof generation !== 'number' || typeof run !== 'string' || typeof appVersion !== 'string') return undefined;
    return Number.isNaN(date.getTime()) ? undefined : { generation, run, appVersion, savedAt: date };
  } catch {
    return undefined;
  }
}

function hashOf(prefix: Buffer, json: Buffer): Hash {
  return createHash('sha256')
    .update(prefix.subarray(0, PREFIX - DIGEST))
    .update(json);
}
