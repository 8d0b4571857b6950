import { constants } from 'node:fs';
import { open, rename, rm, type FileHandle } from 'node:fs/promises';
import path from 'node:path';
import { HandoverError, messageOf } from '../errors.ts';
import { withLock } from './lock.ts';
import { decodeSnapshot, encodeHeader, type Snapshot, type SnapshotMeta } from './snapshot-format.ts';

/** What reading a snapshot can end in; null: there is none. */
export type SnapshotReading = Snapshot | { rejected: HandoverError } | null;

/** Group and others must not have been able to write it. */
const WRITABLE_BY_OTHERS = 0o022;

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
  async write(blob: Uint8Array, meta: SnapshotMeta, { isVital = false }: { isVital?: boolean } = {}): Promise<boolean> {
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

  /** Reads it. One that is damaged, or that others could have written, is set aside as `<file>.rejected`. */
  async read(): Promise<SnapshotReading> {
    const reading = await this.#readBytes();
    if (reading === null) return null;
    const snapshot = typeof reading === 'string' ? reading : decodeSnapshot(reading);
    if (typeof snapshot !== 'string') return snapshot;
    const aside = await this.reject();
    return {
      rejected: new HandoverError(
        'SNAPSHOT_REJECTED',
        `the snapshot ${this.path} can't be used: ${snapshot}; it was set aside as ${aside}, and the app starts fresh`,
      ),
    };
  }

  /** Sets it aside. Returns the name it has now. */
  async reject(): Promise<string> {
    const aside = `${this.path}.rejected`;
    await rename(this.path, aside).catch(() => rm(this.path, { force: true, recursive: true }));
    return aside;
  }

  async remove(): Promise<void> {
    await rm(this.path, { force: true });
  }

  async #isOutdated({ run, generation }: SnapshotMeta): Promise<boolean> {
    const bytes = await this.#readBytes();
    const found = Buffer.isBuffer(bytes) ? decodeSnapshot(bytes) : undefined;
    return typeof found === 'object' && found.run === run && found.generation > generation;
  }

  /** The file's bytes; a text that says why they are not to be trusted; null: there is no file. */
  async #readBytes(): Promise<Buffer | string | null> {
    let file: FileHandle;
    try {
      file = await open(this.path, constants.O_RDONLY | constants.O_NOFOLLOW);
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code === 'ENOENT' || code === 'ENOTDIR') return null;
      return code === 'ELOOP' ? 'it is a symbolic link' : messageOf(error);
    }
    try {
      const { mode, uid } = await file.stat();
      if (process.getuid && uid !== process.getuid()) return `it belongs to another user (uid ${uid})`;
      if (process.platform !== 'win32' && mode & WRITABLE_BY_OTHERS)
        return `others may write it (mode ${(mode & 0o777).toString(8)})`;
      return await file.readFile();
    } catch (error) {
      return messageOf(error);
    } finally {
      await file.close();
    }
  }

  async #replace(blob: Uint8Array, meta: SnapshotMeta): Promise<void> {
    const temporary = `${this.path}.tmp`;
    try {
      // Of a writer that was killed; whoever planted something there, it is not written through.
      await rm(temporary, { force: true });
      const file = await open(temporary, 'wx', 0o600);
      try {
        await file.writeFile(encodeHeader(blob, meta, new Date()));
        await file.writeFile(blob);
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
