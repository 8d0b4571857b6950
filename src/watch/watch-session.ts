import type { LoadedFilesOptions } from './file-change-watcher.ts';
import { ChangeBatch } from './change-batch.ts';
import { pollFolders } from './folder-poll.ts';
import { FolderTree } from './folder-tree.ts';
import { watchFolder, type OpenFolderWatch } from './folder-watch.ts';
import type { IgnorePatterns } from './ignore-patterns.ts';
import { TrackedFiles } from './tracked-files.ts';
import { isWithin } from './watch-roots.ts';

/** How often files are looked at when the system's watches ran out, in milliseconds. */
const FALLBACK_INTERVAL = 500;
/** How many files of the watched folders are read at the start, so that touching them is no change. */
const MOST_FILES_READ = 2000;

export interface WatchSessionOptions {
  cwd: string;
  explicit: string[];
  patterns: IgnorePatterns;
  /** How a folder is watched. Default: by the system's events. */
  openFolder: OpenFolderWatch | undefined;
  /** Look at the files this often instead, in milliseconds. */
  pollInterval: number | undefined;
  onChange: (files: string[], detectMs: number) => void;
  onError: (error: Error) => void;
}

/** The watching from one start to its stop: which files matter, and what becomes of their changes. */
export class WatchSession {
  #options: WatchSessionOptions;
  #tree: FolderTree;
  #files: TrackedFiles;
  #batch: ChangeBatch;
  #loaded = new Set<string>();
  #unwatchable = new Set<string>();
  #isStarted = false;
  #isClosed = false;
  #isPolling = false;
  #filesToRead = MOST_FILES_READ;

  constructor(options: WatchSessionOptions) {
    const { cwd, pollInterval, patterns, onChange } = options;
    const openFolder = pollInterval === undefined ? (options.openFolder ?? watchFolder) : pollFolders(pollInterval);
    this.#options = options;
    this.#batch = new ChangeBatch(onChange);
    this.#files = new TrackedFiles({
      onChange: (file) => this.#batch.add(file),
      onDeleted: (file) => this.#forgetFound(file),
      onLink: (file, target) => this.#tree.link(file, target),
      onIdle: () => this.#batch.settle(),
    });
    this.#tree = new FolderTree(cwd, openFolder, {
      onTouched: (file) => {
        if (!this.#files.has(file)) return;
        this.#batch.expect();
        this.#files.check(file);
      },
      onFound: (file) => this.#found(file),
      onError: (error, folder) => this.#onError(error, folder),
      isIgnored: (file) => patterns.ignores(file),
    });
  }

  async start(): Promise<void> {
    for (const name of this.#options.explicit) {
      if (this.#options.patterns.ignores(name)) continue;
      this.#tree.followWhole(name);
      // It may be a file, or become one.
      if (!this.#files.has(name)) this.#files.add(name, { hash: true });
    }
    await this.#tree.idle();
    await this.#files.idle();
    this.#isStarted = true;
  }

  close(): void {
    this.#isClosed = true;
    this.#tree.close();
    this.#files.clear();
    this.#batch.close();
  }

  setLoadedFiles(files: ReadonlySet<string>, { loadedSince, existed }: LoadedFilesOptions): void {
    for (const file of files) {
      if (this.#loaded.has(file) || this.#options.patterns.ignores(file)) continue;
      this.#loaded.add(file);
      // The folders first: a change from here on is an event, one before it shows in the file's time.
      this.#tree.follow(file);
      if (!this.#files.has(file)) {
        this.#files.add(file, {
          hash: true,
          ...(loadedSince !== undefined && { changedSince: loadedSince }),
          ...(existed?.has(file) && { wasLoaded: true }),
        });
      }
    }
    for (const file of this.#loaded) {
      if (files.has(file)) continue;
      this.#loaded.delete(file);
      if (!this.#isExplicit(file)) this.#forget(file);
    }
  }

  #found(file: string): void {
    if (this.#files.has(file) || this.#isClosed) return;
    this.#files.add(file, { isCreated: this.#isStarted, hash: this.#filesToRead-- > 0 });
  }

  /** A deleted file that nobody named or loaded is forgotten; it is found again when it comes back. */
  #forgetFound(file: string): void {
    if (!this.#loaded.has(file) && !this.#options.explicit.includes(file)) this.#forget(file);
  }

  #forget(file: string): void {
    this.#files.remove(file);
    this.#tree.unfollow(file);
  }

  #isExplicit(file: string): boolean {
    return this.#options.explicit.some((name) => isWithin(name, file));
  }

  #onError(error: NodeJS.ErrnoException, folder: string): void {
    const isLimit = error.code === 'ENOSPC' || error.code === 'EMFILE' || error.code === 'ENFILE';
    if (!isLimit) {
      if (this.#unwatchable.has(folder)) return;
      this.#unwatchable.add(folder);
      this.#options.onError(new Error(`Can't watch ${folder}: ${error.message}.`, { cause: error }));
      return;
    }
    if (this.#isPolling) return;
    this.#isPolling = true;
    this.#tree.reopenWith(pollFolders(FALLBACK_INTERVAL));
    this.#options.onError(new Error(limitMessage(error, folder), { cause: error }));
  }
}

function limitMessage({ code }: NodeJS.ErrnoException, folder: string): string {
  const remedy =
    code === 'ENOSPC'
      ? 'raise it with "sysctl fs.inotify.max_user_watches=524288"'
      : 'raise it with "ulimit -n" or, on Linux, "sysctl fs.inotify.max_user_instances=1024"';
  return `Can't watch ${folder}: the system's limit of watches is reached (${code}). Files are polled every ${FALLBACK_INTERVAL} ms instead; ${remedy}, or watch fewer folders.`;
}
