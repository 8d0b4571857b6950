import { HandoverError } from '../errors.ts';

/** A piece of a kept value; what its kind says is for the codec. */
export interface BlobPart {
  kind: number;
  bytes: Uint8Array;
}

/** One kept value, as opaque bytes. */
export interface BlobEntry {
  key: string;
  version: number;
  /** It can be decoded without anything of the app: it holds no instances of classes. */
  isPlain: boolean;
  parts: BlobPart[];
}

type EntryHead = Omit<BlobEntry, 'parts'>;

/**
 * A blob is all of a generation's state: the magic; for each entry a head (length of the key, version, whether it is
 * plain), the key, and its parts, each behind its length and kind; behind the last entry a head with the number of
 * entries. Integers are little-endian. It is written and read in one go, piece by piece: while its end is still being
 * serialized its beginning has arrived.
 */
const MAGIC = 0x48_4f_53_32; // "HOS2"
const ENTRY_HEAD = 9;
const PART_HEAD = 5;
/** Instead of the length of a key. */
const END_OF_BLOB = 2 ** 32 - 1;
/** Instead of the length of a part. */
const END_OF_ENTRY = 2 ** 32 - 1;
/** The entry turned out not to be serializable when it had begun. */
const ENTRY_DROPPED = 2 ** 32 - 2;

/** Writes a blob. What it emits is to be used at once: the bytes may be overwritten afterwards. */
export class BlobWriter {
  readonly #emit: (bytes: Uint8Array) => void;
  /** Entries so far. Nothing is emitted before the first, or the end. */
  count = 0;

  constructor(emit: (bytes: Uint8Array) => void) {
    this.#emit = emit;
  }

  /** `write` emits the parts; when it returns false the entry is dropped. */
  entry(
    { key, version, isPlain }: EntryHead,
    write: (part: (kind: number, bytes: Uint8Array) => void) => boolean | void,
  ): void {
    const name = Buffer.from(key);
    this.#emit(Buffer.concat([this.#head(name.length, version, isPlain), name]));
    const isKept = write((kind, bytes) => {
      this.#emit(partHead(bytes.length, kind));
      this.#emit(bytes);
    });
    this.#emit(partHead(isKept === false ? ENTRY_DROPPED : END_OF_ENTRY, 0));
    this.count++;
  }

  end(): void {
    this.#emit(this.#head(END_OF_BLOB, this.count, false));
  }

  /** The first one begins with the magic. */
  #head(keyLength: number, version: number, isPlain: boolean): Buffer {
    const at = this.count === 0 ? 4 : 0;
    const head = Buffer.alloc(at + ENTRY_HEAD);
    if (at > 0) head.writeUInt32LE(MAGIC, 0);
    head.writeUInt32LE(keyLength, at);
    head.writeUInt32LE(version, at + 4);
    head.writeUInt8(isPlain ? 1 : 0, at + 8);
    return head;
  }
}

function partHead(length: number, kind: number): Buffer {
  const head = Buffer.alloc(PART_HEAD);
  head.writeUInt32LE(length, 0);
  head.writeUInt8(kind, 4);
  return head;
}

/** Sees a part as soon as it is there; its bytes are to be used at once. True: it need not be kept. */
export type OnPart = (entry: BlobEntry, part: BlobPart) => boolean;

/** Reads a blob as it arrives. */
export class BlobReader {
  readonly #onPart: OnPart | undefined;
  readonly #entries = new Map<string, BlobEntry>();
  #next: ((bytes: Buffer) => void) | undefined = (bytes) => this.#begin(bytes);
  #wanted = 4;
  /** What has come of something that did not come in one piece. */
  #gathering: Buffer = Buffer.alloc(0);
  #gathered = 0;
  #count = 0;
  #length = 0;
  #extra = 0;

  /** Without `onPart` the parts are views of what comes, which must last. */
  constructor(onPart?: OnPart) {
    this.#onPart = onPart;
  }

  /** Throws HandoverError STATE_REJECTED when it is no blob. */
  feed(bytes: Buffer): void {
    this.#length += bytes.length;
    let at = 0;
    while (at < bytes.length && this.#next) {
      const piece = bytes.subarray(at, at + this.#wanted - this.#gathered);
      at += piece.length;
      const isInOnePiece = piece.length === this.#wanted;
      if (!isInOnePiece) this.#gather(piece);
      if (!isInOnePiece && this.#gathered < this.#wanted) return;
      const whole = isInOnePiece ? piece : this.#gathering.subarray(0, this.#wanted);
      this.#gathered = 0;
      this.#next(whole);
    }
    this.#extra += bytes.length - at;
  }

  /** Its buffer grows with what has come, not with what is said to come. */
  #gather(piece: Buffer): void {
    const length = this.#gathered + piece.length;
    if (length > this.#gathering.length) {
      const larger = Buffer.allocUnsafeSlow(Math.max(length, Math.min(this.#wanted, 2 * length)));
      this.#gathering.copy(larger, 0, 0, this.#gathered);
      this.#gathering = larger;
    }
    piece.copy(this.#gathering, this.#gathered);
    this.#gathered = length;
  }

  /** The entries by key. Throws HandoverError STATE_REJECTED when the blob is not whole. */
  end(): Map<string, BlobEntry> {
    if (this.#length < 4) throw notOurs();
    if (this.#next)
      throw new HandoverError('STATE_REJECTED', `the state ends at byte ${this.#length}, in the middle of an entry`);
    if (this.#extra > 0) throw new HandoverError('STATE_REJECTED', `the state has ${this.#extra} bytes too many`);
    return this.#entries;
  }

  #expect(length: number, next: (bytes: Buffer) => void): void {
    this.#wanted = length;
    this.#next = next;
    if (length === 0) next(Buffer.alloc(0));
  }

  #begin(bytes: Buffer): void {
    if (bytes.readUInt32LE() !== MAGIC) throw notOurs();
    this.#expectEntry();
  }

  #expectEntry(): void {
    this.#expect(ENTRY_HEAD, (head) => {
      const length = head.readUInt32LE();
      const version = head.readUInt32LE(4);
      const isPlain = head.readUInt8(8) === 1;
      if (length === END_OF_BLOB) this.#finish(version);
      else this.#expect(length, (key) => this.#addEntry(String(key), version, isPlain));
    });
  }

  #finish(count: number): void {
    if (count !== this.#count)
      throw new HandoverError('STATE_REJECTED', `the state has ${this.#count} entries and says ${count}`);
    this.#next = undefined;
  }

  #addEntry(key: string, version: number, isPlain: boolean): void {
    this.#count++;
    const entry: BlobEntry = { key, version, isPlain, parts: [] };
    this.#entries.set(key, entry);
    this.#expectPart(entry);
  }

  #expectPart(entry: BlobEntry): void {
    this.#expect(PART_HEAD, (head) => {
      const length = head.readUInt32LE();
      const kind = head.readUInt8(4);
      if (length === ENTRY_DROPPED) this.#entries.delete(entry.key);
      if (length === ENTRY_DROPPED || length === END_OF_ENTRY) this.#expectEntry();
      else this.#expect(length, (bytes) => this.#addPart(entry, { kind, bytes }));
    });
  }

  #addPart(entry: BlobEntry, part: BlobPart): void {
    if (!this.#onPart) {
      // A view of what came, or of what was gathered, which the next one must not overwrite.
      if (part.bytes.buffer === this.#gathering.buffer) this.#gathering = Buffer.alloc(0);
      entry.parts.push(part);
    } else if (!this.#onPart(entry, part)) {
      entry.parts.push({ kind: part.kind, bytes: Buffer.from(part.bytes) });
    }
    this.#expectPart(entry);
  }
}

function notOurs(): HandoverError {
  return new HandoverError('STATE_REJECTED', 'the state is not one of handover: it begins otherwise');
}

/** The entries of a whole blob by key. Throws HandoverError STATE_REJECTED when it is none. */
export function decodeBlob(blob: Buffer): Map<string, BlobEntry> {
  const reader = new BlobReader();
  reader.feed(blob);
  return reader.end();
}
