import { createHash } from 'node:crypto';

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
const FORMAT = 1;
const DIGEST = 32;
/** Magic, format, length of the header's JSON, length of the blob, digest of all that follows these. */
const PREFIX = MAGIC.length + 4 + 4 + 8 + DIGEST;

/** The parts of a snapshot file before the blob: a prefix of fixed length, then what the snapshot says about itself. */
export function encodeHeader(blob: Uint8Array, meta: SnapshotMeta, savedAt: Date): Buffer {
  const json = Buffer.from(JSON.stringify({ ...meta, savedAt: savedAt.getTime() }));
  const prefix = Buffer.alloc(PREFIX);
  MAGIC.copy(prefix);
  prefix.writeUInt32LE(FORMAT, 8);
  prefix.writeUInt32LE(json.length, 12);
  prefix.writeBigUInt64LE(BigInt(blob.length), 16);
  digestOf(prefix, json, blob).copy(prefix, PREFIX - DIGEST);
  return Buffer.concat([prefix, json]);
}

/** The snapshot in a file's bytes, or what is wrong with them. */
export function decodeSnapshot(bytes: Buffer): Snapshot | string {
  if (bytes.length < PREFIX) return `it has ${bytes.length} bytes, too few for a snapshot`;
  if (!bytes.subarray(0, 8).equals(MAGIC)) return 'it is no snapshot: its first bytes are others';
  const format = bytes.readUInt32LE(8);
  if (format !== FORMAT) return `it has format ${format}, and this version of handover reads format ${FORMAT}`;
  const jsonLength = bytes.readUInt32LE(12);
  const blobLength = Number(bytes.readBigUInt64LE(16));
  if (bytes.length !== PREFIX + jsonLength + blobLength) {
    return `it should have ${PREFIX + jsonLength + blobLength} bytes and has ${bytes.length}: it was not written to its end`;
  }
  const json = bytes.subarray(PREFIX, PREFIX + jsonLength);
  const blob = bytes.subarray(PREFIX + jsonLength);
  if (!digestOf(bytes.subarray(0, PREFIX), json, blob).equals(bytes.subarray(PREFIX - DIGEST, PREFIX))) {
    return 'its checksum is wrong: it was changed after it was written';
  }
  const { savedAt, ...meta } = JSON.parse(json.toString()) as SnapshotMeta & { savedAt: number };
  return { ...meta, blob, savedAt: new Date(savedAt) };
}

function digestOf(prefix: Buffer, json: Buffer, blob: Uint8Array): Buffer {
  return createHash('sha256')
    .update(prefix.subarray(0, PREFIX - DIGEST))
    .update(json)
    .update(blob)
    .digest();
}
