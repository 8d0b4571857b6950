import type { Dirent, Stats } from 'node:fs';
import { lstat, readdir, stat } from 'node:fs/promises';
import path from 'node:path';
import { targetOf } from './file-content.ts';
import type { FolderWatch, OpenFolderWatch } from './folder-watch.ts';
import { Serial } from './serial.ts';
import { foldersBetween, isWithin, watchRoot } from './watch-roots.ts';

const FOLDERS_AT_A_TIME = 16;

/** How thoroughly a folder is looked at again; more includes less. */
const LOOK = {
  /** Is it still the same folder? */
  verify: 0,
  /** What is in it may have changed. */
  rescan: 1,
  /** It may be another folder under the same name: a watch follows the folder, not the name. */
  reopen: 2,
} as const;
type Look = (typeof LOOK)[keyof typeof LOOK];

interface Folder {
  watch: FolderWatch | undefined;
  /** Everything in it matters, down to the bottom. */
  isWhole: boolean;
  /** For a name in the folder the paths that depend on it: itself, and symbolic links that lead there. */
  entries: Map<string, Set<string>>;
  /** Device, inode and birth of the folder that is watched. */
  identity: string | undefined;
  /** Its path with no symbolic link in it. */
  realPath: string | undefined;
  pending: Look;
}

export interface FolderTreeEvents {
  /** Something may have happened to this file, or to one in its folder. */
  onTouched(file: string): void;
  /** A file in a folder that matters as a whole; its folder is watched. */
  onFound(file: string): void;
  /** A folder can't be watched. */
  onError(error: NodeJS.ErrnoException, folder: string): void;
  isIgnored(file: string): boolean;
}

/**
 * The folders that are watched: those above every file that matters, so that any of them can be renamed, deleted
 * and restored, and the folders that matter as a whole. Nothing else: what it costs does not depend on the size
 * of the repository.
 */
export class FolderTree {
  #cwd: string;
  #open: OpenFolderWatch;
  #events: FolderTreeEvents;
  #folders = new Map<string, Folder>();
  #wholes = new Set<string>();
  #links = new Map<string, string>();
  #looks: Serial;
  #isClosed = false;

  constructor(cwd: string, open: OpenFolderWatch, events: FolderTreeEvents) {
    this.#cwd = cwd;
    this.#open = open;
    this.#events = events;
    this.#looks = new Serial((folder) => this.#look(folder), { limit: FOLDERS_AT_A_TIME });
  }

  /** Watches the folders above a file. The file need not exist, nor the folders. */
  follow(file: string): void {
    this.#depend(file, file);
  }

  unfollow(file: string): void {
    this.link(file, undefined);
    this.#release(file, file);
  }

  /** Watches the folders above a path, and when it is a folder, all that is in it. */
  followWhole(name: string): void {
    this.#wholes.add(name);
    // An ancestor of the working folder has no folder above it that is watched.
    if (name !== this.#cwd) this.#depend(name, name);
    this.#enter(name);
  }

  /** `name` is a symbolic link to `target` now (undefined: it is none): what happens there happens to it. */
  link(name: string, target: string | undefined): void {
    const before = this.#links.get(name);
    if (before === target) return;
    if (before !== undefined) this.#release(before, name);
    if (target === undefined) this.#links.delete(name);
    else {
      this.#links.set(name, target);
      this.#depend(target, name);
    }
  }

  /** Resolves when every folder that is to be watched is watched, and has been read. */
  idle(): Promise<void> {
    return this.#looks.idle();
  }

  /** Opens every watch anew, in another way. */
  reopenWith(open: OpenFolderWatch): void {
    this.#open = open;
    for (const folder of this.#folders.keys()) this.#request(folder, LOOK.reopen);
  }

  close(): void {
    this.#isClosed = true;
    this.#looks.clear();
    for (const folder of this.#folders.values()) folder.watch?.close();
    this.#folders.clear();
  }

  /** `dependent` is looked at when something happens to `name`. */
  #depend(name: string, dependent: string): void {
    const chain = foldersBetween(watchRoot(name, this.#cwd), name);
    for (const [index, folder] of chain.entries()) {
      const below = chain[index + 1];
      if (below !== undefined) this.#addEntry(folder, below, below);
      this.#enter(folder);
    }
    const parent = path.dirname(name);
    this.#addEntry(parent, name, dependent);
    this.#folders.get(parent)?.watch?.addFile?.(name);
  }

  #addEntry(parent: string, name: string, dependent: string): void {
    const { entries } = this.#enter(parent);
    const base = path.basename(name);
    const dependents = entries.get(base);
    if (dependents) dependents.add(dependent);
    else entries.set(base, new Set([dependent]));
  }

  #enter(name: string): Folder {
    let folder = this.#folders.get(name);
    if (folder === undefined) {
      const isWhole = [...this.#wholes].some((whole) => isWithin(whole, name)) && !this.#events.isIgnored(name);
      folder = { watch: undefined, isWhole, entries: new Map(), identity: undefined, realPath: undefined, pending: 0 };
      this.#folders.set(name, folder);
      this.#request(name, LOOK.reopen);
    } else if (this.#wholes.has(name) && !folder.isWhole) {
      folder.isWhole = true;
      this.#request(name, LOOK.rescan);
    }
    return folder;
  }

  /** `dependent` no longer depends on `name`; folders with nothing left in them are let go. */
  #release(name: string, dependent: string): void {
    const parent = path.dirname(name);
    const entries = this.#folders.get(parent)?.entries;
    const dependents = entries?.get(path.basename(name));
    if (!entries || !dependents?.delete(dependent)) return;
    if (dependents.size === 0) entries.delete(path.basename(name));
    this.#prune(parent);
  }

  #prune(name: string): void {
    const folder = this.#folders.get(name);
    if (!folder || folder.entries.size > 0 || this.#wholes.has(name)) return;
    if (folder.isWhole && folder.watch) return;
    folder.watch?.close();
    this.#folders.delete(name);
    this.link(name, undefined);
    this.#release(name, name);
  }

  #request(name: string, look: Look): void {
    const folder = this.#folders.get(name);
    if (!folder || this.#isClosed) return;
    if (look > folder.pending) folder.pending = look;
    this.#looks.request(name);
  }

  #touch(name: string, look: Look): void {
    this.#request(name, look);
    this.#events.onTouched(name);
  }

  #onEvent(name: string, folder: Folder, type: 'rename' | 'change', entry: string | null): void {
    if (this.#folders.get(name) !== folder) return;
    if (entry === null) {
      this.#request(name, LOOK.rescan);
      return;
    }
    const changed = path.join(name, entry);
    const dependents = folder.entries.get(entry);
    for (const dependent of dependents ?? []) {
      this.#touch(dependent, type === 'rename' ? LOOK.reopen : LOOK.verify);
    }
    if (folder.isWhole && (type === 'rename' || !dependents)) void this.#discover(name, changed);
    // On Linux a folder that is renamed or deleted says so under its own name.
    if (type === 'rename' && entry === path.basename(name)) this.#request(name, LOOK.reopen);
  }

  async #look(name: string): Promise<void> {
    const folder = this.#folders.get(name);
    if (!folder) return;
    const look = folder.pending;
    folder.pending = LOOK.verify;
    const stats = await this.#followLink(name);
    if (this.#folders.get(name) !== folder || this.#isClosed) return;
    if (!stats?.isDirectory()) {
      this.#lose(name, folder);
      return;
    }
    const identity = `${stats.dev}:${stats.ino}:${stats.birthtimeMs}`;
    const isKnown = folder.watch !== undefined && folder.identity === identity;
    if (isKnown && look === LOOK.verify) return;
    if (!isKnown || look === LOOK.reopen) {
      const before = folder.watch;
      if (!this.#openWatch(name, folder)) return;
      before?.close();
      folder.identity = identity;
    }
    if (folder.isWhole) await this.#scan(name, folder);
    // What was in it when it was not watched is told by nobody.
    this.#touchEntries(folder, isKnown && look !== LOOK.reopen ? LOOK.verify : LOOK.reopen);
  }

  async #followLink(name: string): Promise<Stats | undefined> {
    try {
      const own = await lstat(name);
      const target = own.isSymbolicLink() ? await targetOf(name) : undefined;
      const folder = this.#folders.get(name);
      if (!folder || this.#isClosed) return undefined;
      folder.realPath = target ?? path.join(this.#realPath(path.dirname(name)), path.basename(name));
      this.link(name, target);
      return target === undefined ? own : await stat(name);
    } catch {
      return undefined;
    }
  }

  #realPath(name: string): string {
    return this.#folders.get(name)?.realPath ?? name;
  }

  #openWatch(name: string, folder: Folder): boolean {
    try {
      folder.watch = this.#open({
        folder: name,
        isWanted: (file) =>
          folder.entries.has(path.basename(file)) || (folder.isWhole && !this.#events.isIgnored(file)),
        onEvent: (type, entry) => this.#onEvent(name, folder, type, entry),
        onError: (error) => this.#onWatchError(name, folder, error),
      });
      return true;
    } catch (error) {
      this.#onWatchError(name, folder, error as NodeJS.ErrnoException);
      return false;
    }
  }

  #onWatchError(name: string, folder: Folder, error: NodeJS.ErrnoException): void {
    if (this.#folders.get(name) !== folder || this.#isClosed) return;
    // The folder went away meanwhile (Windows says EPERM): the folder above tells.
    if (error.code === 'ENOENT' || error.code === 'ENOTDIR' || error.code === 'EPERM') this.#request(name, LOOK.rescan);
    else this.#events.onError(error, name);
  }

  #lose(name: string, folder: Folder): void {
    const wasOpen = folder.watch !== undefined;
    folder.watch?.close();
    folder.watch = undefined;
    folder.identity = undefined;
    if (wasOpen) this.#touchEntries(folder, LOOK.reopen);
    this.#prune(name);
  }

  #touchEntries(folder: Folder, look: Look): void {
    for (const dependents of folder.entries.values()) {
      for (const dependent of dependents) this.#touch(dependent, look);
    }
  }

  async #scan(name: string, folder: Folder): Promise<void> {
    let entries: Dirent[];
    try {
      entries = await readdir(name, { withFileTypes: true });
    } catch {
      return;
    }
    const links: Promise<void>[] = [];
    for (const entry of entries) {
      if (this.#folders.get(name) !== folder || this.#isClosed) return;
      const found = path.join(name, entry.name);
      if (entry.isSymbolicLink()) links.push(this.#discover(name, found));
      else this.#found(name, found, entry);
    }
    await Promise.all(links);
  }

  /** Finds out what a new name in a folder is. */
  async #discover(parent: string, name: string): Promise<void> {
    if (this.#events.isIgnored(name)) return;
    try {
      const stats = await stat(name);
      if (stats.isDirectory() && (await this.#isLoop(parent, name))) return;
      if (this.#folders.has(parent) && !this.#isClosed) this.#found(parent, name, stats);
    } catch {
      // It is gone already.
    }
  }

  #found(parent: string, name: string, kind: Stats | Dirent): void {
    if (this.#events.isIgnored(name)) return;
    if (!kind.isDirectory() && !kind.isFile()) return;
    this.#addEntry(parent, name, name);
    if (kind.isFile()) {
      this.#events.onFound(name);
      return;
    }
    const folder = this.#enter(name);
    if (folder.isWhole) return;
    // It was watched for the sake of a file in it until now.
    folder.isWhole = true;
    this.#request(name, LOOK.rescan);
  }

  /** Whether a symbolic link leads to a folder that it is in. */
  async #isLoop(parent: string, name: string): Promise<boolean> {
    if (!(await lstat(name)).isSymbolicLink()) return false;
    const target = await targetOf(name);
    for (let folder = parent; this.#folders.has(folder); folder = path.dirname(folder)) {
      if (target !== undefined && isWithin(target, this.#realPath(folder))) return true;
    }
    return false;
  }
}
