import { BlobWriter } from '../../dist/state/blob.js';
import { encodeValue } from '../../dist/state/codec.js';
import { SnapshotHeader } from '../../dist/state/snapshot-format.js';
import { ArrivingState } from '../../dist/worker/keep/arriving-state.js';

/** The parts of a value, undefined when it can't be carried as a whole, and what of it can't. */
export function encoded(value, name = 'value') {
  const { isPlain, problems, write } = encodeValue(value, name);
  const parts = [];
  const isWhole = write?.((kind, bytes) => parts.push({ kind, bytes: Buffer.from(bytes) }));
  return { isPlain, problems, parts: isWhole ? parts : undefined };
}

/** A whole blob of entries. */
export function blobOf(entries) {
  const pieces = [];
  const writer = new BlobWriter((bytes) => pieces.push(Buffer.from(bytes)));
  for (const entry of entries) {
    writer.entry(entry, (part) => {
      for (const { kind, bytes } of entry.parts) part(kind, bytes);
    });
  }
  writer.end();
  return Buffer.concat(pieces);
}

/** A blob that has arrived, in pieces of at most that many bytes. */
export function arrived(blob, pieceLength = blob.length || 1) {
  const state = new ArrivingState();
  for (let at = 0; at < blob.length; at += pieceLength) state.write(blob.subarray(at, at + pieceLength));
  state.end();
  return state;
}

/** The bytes of a snapshot file. */
export function snapshotOf(blob, meta, savedAt = new Date(5)) {
  const header = new SnapshotHeader(blob.length, meta, savedAt);
  header.add(blob);
  header.end();
  return Buffer.concat([header.bytes, blob]);
}
