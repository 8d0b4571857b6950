import { isSameSignature, LARGEST_HASHED, lookAt, readHash, type PresentFile, type Signature } from './file-content.ts';
import { Serial } from './serial.ts';

/** How long a deleted or emptied file may take to come back before that counts as a change, in milliseconds. */
const GRACE = 100;
/** File times come from a clock that ticks every 1 to 10 ms: a file can look this much older than it is. */
const CLOCK_TICK = 10;
/** Below this age a signature proves nothing: a second write of the same size can bear the same time. */
const RECENT = 2000;
/** A file that could not be read for want of descriptors is tried again after this time. */
const BUSY_RETRY = 50;
const CHECKS_AT_A_TIME = 32;

export interface TrackedFilesEvents {
  /** The content differs from the last one known, or the file came or went. */
  onChange(file: string): void;
  /** The deletion of a file was reported. */
  onDeleted(file: string): void;
  /** Where a symbolic link leads now; undefined: it is none. */
  onLink(file: string, target: string | undefined): void;
  onIdle(): void;
}

export interface TrackOptions {
  /** Report a file whose time is later than this: it changed after the program began to load it. Epoch milliseconds. */
  changedSince?: number;
  /** The program has loaded it: if it is not there it was deleted since. */
  wasLoaded?: boolean;
  /** The file is new to a watched folder: report it. */
  isCreated?: boolean;
  /** Whether its content is hashed before it changes for the first time. */
  hash: boolean;
}

interface TrackedFile extends TrackOptions {
  /** undefined: not looked at yet; null: there is no such file. */
  known: KnownContent | null | undefined;
  /** When an absent or empty file counts as it is (performance.now); undefined: nothing suspicious was seen. */
  graceEnd: number | undefined;
  timer: NodeJS.Timeout | undefined;
}

interface KnownContent {
  signature: Signature;
  /** undefined: not read yet, the signature has to do. */
  hash: string | undefined;
}

/** What the program read is not known: any content differs from it. */
const UNKNOWN: Readonly<KnownContent> = { signature: { mtimeMs: NaN, size: NaN, ino: NaN }, hash: undefined };

/**
 * The files whose content matters. An event only makes a file be looked at; the content decides.
 *
 * What a content is compared with: a hash where one is known, else time, size and inode. Registering a file takes
 * only these; its content is read afterwards, in the background, and counts only when the file still is what was
 * registered. So a start does not read a large folder, and no change falls between the two. A file not hashed yet
 * is reported when it is touched.
 */
export class TrackedFiles {
  #events: TrackedFilesEvents;
  #files = new Map<string, TrackedFile>();
  #checks: Serial;
  #unread = new Set<string>();
  #reading = false;

  constructor(events: TrackedFilesEvents) {
    this.#events = events;
    this.#checks = new Serial((file) => this.#check(file), {
      limit: CHECKS_AT_A_TIME,
      onIdle: () => {
        events.onIdle();
        this.#readInBackground();
      },
    });
  }

  has(file: string): boolean {
    return this.#files.has(file);
  }

  add(file: string, options: TrackOptions): void {
    const known = options.isCreated === true ? null : undefined;
    this.#files.set(file, { ...options, known, graceEnd: undefined, timer: undefined });
    this.#checks.request(file);
  }

  remove(file: string): void {
    clearTimeout(this.#files.get(file)?.timer);
    this.#files.delete(file);
    this.#unread.delete(file);
  }

  /** Something may have happened to the file. */
  check(file: string): void {
    this.#checks.request(file);
  }

  /** Resolves when every file that was added or checked has been looked at. */
  idle(): Promise<void> {
    return this.#checks.idle();
  }

  clear(): void {
    this.#checks.clear();
    for (const file of this.#files.keys()) this.remove(file);
  }

  async #check(name: string): Promise<void> {
    const file = this.#files.get(name);
    if (file === undefined) return;
    const { file: present, linkTarget } = await lookAt(name);
    // Removed, or removed and added again, while it was looked at.
    if (this.#files.get(name) !== file) return;
    this.#events.onLink(name, linkTarget);
    if (file.known === undefined) await this.#register(name, file, present);
    else if (present === undefined) this.#absent(name, file);
    else await this.#compare(name, file, present);
  }

  async #register(name: string, file: TrackedFile, present: PresentFile | undefined): Promise<void> {
    if (present === undefined) {
      file.known = file.wasLoaded ? UNKNOWN : null;
      if (file.wasLoaded) this.#absent(name, file);
      return;
    }
    file.known = { signature: present.signature, hash: undefined };
    if (file.changedSince !== undefined && present.touchedAt > file.changedSince - CLOCK_TICK) {
      file.known = UNKNOWN;
      await this.#compare(name, file, present);
      return;
    }
    if (!file.hash) return;
    if (Date.now() - present.touchedAt < RECENT) await this.#readUnchanged(name, file);
    else this.#unread.add(name);
  }

  #absent(name: string, file: TrackedFile): void {
    // Editors, git and package managers replace a file by deleting it first.
    if (file.known === null) this.#endGrace(file);
    else if (this.#isGraceOver(name, file)) {
      file.known = null;
      this.#events.onChange(name);
      this.#events.onDeleted(name);
    }
  }

  async #compare(name: string, file: TrackedFile, present: PresentFile): Promise<void> {
    const { signature } = present;
    const wasEmpty = file.known?.signature.size === 0;
    // A write that truncates first: the content follows.
    if (signature.size === 0 && !wasEmpty && !this.#isGraceOver(name, file)) return;
    if (file.known?.hash === undefined && file.known && isSameSignature(file.known.signature, signature)) {
      this.#endGrace(file);
      if (file.hash) await this.#readUnchanged(name, file);
      return;
    }
    const read = signature.size > LARGEST_HASHED ? { hash: undefined, size: signature.size } : await readHash(name);
    if (this.#files.get(name) !== file) return;
    if (read === 'busy') {
      this.#checkLater(name, file, BUSY_RETRY);
      return;
    }
    if (read === 'gone' || (read.size === 0 && signature.size > 0)) {
      // It changed between the look and the reading.
      this.#checks.request(name);
      return;
    }
    this.#endGrace(file);
    const isUnchanged = read.hash !== undefined && read.hash === file.known?.hash;
    file.known = { signature: { ...signature, size: read.size }, hash: read.hash };
    this.#unread.delete(name);
    if (!isUnchanged) this.#events.onChange(name);
  }

  /** Takes the hash of a file that is known by its signature, provided that it still is that file. */
  async #readUnchanged(name: string, file: TrackedFile): Promise<void> {
    this.#unread.delete(name);
    const { known } = file;
    if (!known || known.hash !== undefined || known.signature.size > LARGEST_HASHED) return;
    const read = await readHash(name);
    const { file: after } = await lookAt(name);
    if (typeof read === 'object' && after && isSameSignature(known.signature, after.signature)) known.hash = read.hash;
  }

  /** Whether a suspicious state has lasted; the first time it is seen, a later check is arranged. */
  #isGraceOver(name: string, file: TrackedFile): boolean {
    const now = performance.now();
    if (file.graceEnd !== undefined && now >= file.graceEnd) {
      this.#endGrace(file);
      return true;
    }
    if (file.graceEnd === undefined) {
      file.graceEnd = now + GRACE;
      this.#checkLater(name, file, GRACE + 1);
    }
    return false;
  }

  #endGrace(file: TrackedFile): void {
    clearTimeout(file.timer);
    file.timer = undefined;
    file.graceEnd = undefined;
  }

  #checkLater(name: string, file: TrackedFile, delay: number): void {
    clearTimeout(file.timer);
    file.timer = setTimeout(() => this.#checks.request(name), delay);
  }

  /** One file at a time, and only while no check runs: a save comes first. */
  #readInBackground(): void {
    if (this.#reading) return;
    this.#reading = true;
    setImmediate(() => {
      this.#reading = false;
      const [next] = this.#unread;
      if (next === undefined || !this.#checks.isIdle) return;
      this.#unread.delete(next);
      this.#checks.request(next);
    });
  }
}
