import { randomBytes } from 'node:crypto';
import { constants, type Stats } from 'node:fs';
import { open, readdir, rename, rm, stat, unlink, type FileHandle } from 'node:fs/promises';
import path from 'node:path';
import { HandoverError, messageOf } from '../errors.ts';
import { withLock } from './lock.ts';
import {
  decodeMeta,
  decodeSnapshot,
  PREFIX,
  sizeOf,
  SnapshotHeader,
  type Snapshot,
  type SnapshotMeta,
} from './snapshot-format.ts';

/** What reading a snapshot can end in; null: there is none. */
export type SnapshotReading = Snapshot | { rejected: HandoverError } | null;

/** Group and others must not have been able to write it. */
const WRITABLE_BY_OTHERS = 0o022;

/** Bytes that are written at a time. */
const CHUNK = 1024 * 1024;

/** A temporary file that has not been written to for this long has no writer any more, in milliseconds. */
const LEFTOVER_AGE = 60_000;

/**
 * The file that carries the state where memory can't. Written whole or not at all; readable by its owner only;
 * what is not exactly as it was written is set aside and never reaches the app.
 */
export class SnapshotFile {
  readonly path: string;

  constructor(file: string) {
    this.path = path.resolve(file);
  }

  /**
   * Replaces the snapshot. False when there is one already of a later generation of the same run. Throws
   * HandoverError SNAPSHOT_UNWRITABLE. `isVital`: there is no later try; a lock that can't be had doesn't stop it.
   */
  async write(
    blob: readonly Uint8Array[],
    meta: SnapshotMeta,
    { isVital = false }: { isVital?: boolean } = {},
  ): Promise<boolean> {
    try {
      return await withLock(
        this.path,
        async () => {
          if (await this.#isOutdated(meta)) return false;
          await this.#replace(blob, meta);
          return true;
        },
        { isVital },
      );
    } catch (cause) {
      throw new HandoverError(
        'SNAPSHOT_UNWRITABLE',
        `the state could not be written to ${this.path}: ${messageOf(cause)}; make its folder writable, pass --snapshot <file>, or --no-snapshot`,
        { cause },
      );
    }
  }

  /**
   * Reads it. One that is damaged, or that others could have written, is set aside as `<file>.rejected`; what is no
   * file at all, such as a folder given by mistake, is left where it is.
   */
  async read(): Promise<SnapshotReading> {
    const found = await this.#open();
    if (found === null) return null;
    const problem = found.problem ?? (await this.#readSnapshot(found.file));
    if (typeof problem !== 'string') return problem;
    const aside = found.isForeign ? undefined : await this.reject();
    const what = aside === undefined ? 'it was left as it is' : `it was set aside as ${aside}`;
    return {
      rejected: new HandoverError(
        'SNAPSHOT_REJECTED',
        `the snapshot ${this.path} can't be used: ${problem}; ${what}, and the app starts fresh`,
      ),
    };
  }

  /** Sets it aside. Returns the name it has now; undefined when it could not be moved. */
  async reject(): Promise<string | undefined> {
    const aside = `${this.path}.rejected`;
    return rename(this.path, aside).then(
      () => aside,
      () => undefined,
    );
  }

  async remove(): Promise<void> {
    await unlink(this.path).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'ENOENT' && error.code !== 'ENOTDIR') throw error;
    });
  }

  /** Only the beginning is read: what it says decides nothing but whether this write is late. */
  async #isOutdated({ run, generation }: SnapshotMeta): Promise<boolean> {
    const found = await this.#open();
    if (!found?.file) return false;
    try {
      const meta = await decodeMeta(found.file);
      return meta !== undefined && meta.run === run && meta.generation > generation;
    } finally {
      await found.file.close();
    }
  }

  /** The open file, or why it is not to be trusted; null: there is none. */
  async #open(): Promise<Opened | null> {
    let file: FileHandle;
    try {
      // Non-blocking: opening a pipe that somebody put there must not wait for a writer.
      file = await open(this.path, constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0) | (constants.O_NONBLOCK ?? 0));
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code === 'ENOENT' || code === 'ENOTDIR') return null;
      if (code === 'EISDIR') return { problem: 'it is a folder', isForeign: true };
      return { problem: code === 'ELOOP' ? 'it is a symbolic link' : messageOf(error), isForeign: false };
    }
    const stats = await file.stat();
    const problem = problemOf(stats);
    if (problem === undefined) return { file };
    await file.close();
    return { problem, isForeign: stats.isDirectory() };
  }

  async #readSnapshot(file: FileHandle | undefined): Promise<Snapshot | string> {
    if (!file) return 'it could not be opened';
    try {
      // What the file says of its length is compared with its size before that much memory is taken.
      const { size } = await file.stat();
      const prefix = Buffer.alloc(PREFIX);
      await file.read(prefix, 0, Math.min(size, PREFIX), 0);
      const expected = sizeOf(prefix.subarray(0, Math.min(size, PREFIX)));
      if (typeof expected === 'string') return expected;
      if (expected !== size) return `it should have ${expected} bytes and has ${size}: it was not written to its end`;
      return decodeSnapshot(await file.readFile());
    } catch (error) {
      return messageOf(error);
    } finally {
      await file.close();
    }
  }

  async #replace(blob: readonly Uint8Array[], meta: SnapshotMeta): Promise<void> {
    await this.#removeLeftovers();
    // Of its own for each write: one that could not wait for the lock must not write into another's file.
    const temporary = `${this.path}.${randomBytes(6).toString('hex')}.tmp`;
    try {
      const flags = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | (constants.O_NOFOLLOW ?? 0);
      const file = await open(temporary, flags, 0o600);
      try {
        await writeSnapshot(file, blob, meta);
        await file.sync();
      } finally {
        await file.close();
      }
      await rename(temporary, this.path);
    } catch (error) {
      await rm(temporary, { force: true });
      throw error;
    }
    await syncFolder(path.dirname(this.path));
  }

  /** Files of writers that were killed. The others hold the lock one after the other, so a young one may be in use. */
  async #removeLeftovers(): Promise<void> {
    const folder = path.dirname(this.path);
    const begin = `${path.basename(this.path)}.`;
    for (const name of await readdir(folder)) {
      if (!name.startsWith(begin) || !/^[0-9a-f]{12}\.tmp$/.test(name.slice(begin.length))) continue;
      const file = path.join(folder, name);
      const { mtimeMs } = await stat(file).catch(() => ({ mtimeMs: Infinity }));
      if (mtimeMs < Date.now() - LEFTOVER_AGE) await rm(file, { force: true });
    }
  }
}

/** A bounded number of bytes at a time: other work of the process goes on in between. The digest comes last. */
async function writeSnapshot(file: FileHandle, blob: readonly Uint8Array[], meta: SnapshotMeta): Promise<void> {
  const length = blob.reduce((sum, part) => sum + part.length, 0);
  const header = new SnapshotHeader(length, meta, new Date());
  await file.writeFile(header.bytes);
  let batch: Uint8Array[] = [];
  let size = 0;
  const flush = async (): Promise<void> => {
    for (const part of batch) header.add(part);
    await file.writeFile(batch.length === 1 ? (batch[0] as Uint8Array) : Buffer.concat(batch));
    batch = [];
    size = 0;
  };
  for (const part of blob) {
    for (let at = 0; at < part.length; at += CHUNK) {
      const piece = part.subarray(at, at + CHUNK);
      if (size + piece.length > CHUNK) await flush();
      batch.push(piece);
      size += piece.length;
    }
  }
  if (size > 0) await flush();
  header.end();
  await file.write(header.bytes, 0, header.bytes.length, 0);
}

interface Opened {
  file?: FileHandle;
  problem?: string;
  /** Not a file of ours, whatever is in it. */
  isForeign?: boolean;
}

function problemOf(stats: Stats): string | undefined {
  if (stats.isDirectory()) return 'it is a folder';
  if (!stats.isFile()) return 'it is no regular file';
  if (process.getuid && stats.uid !== process.getuid()) return `it belongs to another user (uid ${stats.uid})`;
  if (process.platform === 'win32' || (stats.mode & WRITABLE_BY_OTHERS) === 0) return undefined;
  return `others may write it (mode ${(stats.mode & 0o777).toString(8)})`;
}

/** So that the new name is on the disk, too. Windows can't open a folder. */
async function syncFolder(folder: string): Promise<void> {
  if (process.platform === 'win32') return;
  const handle = await open(folder, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
