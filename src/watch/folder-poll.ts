import path from 'node:path';
import { FSWatcher } from 'chokidar';
import type { FolderWatchOptions, OpenFolderWatch } from './folder-watch.ts';

/** Watches folders by looking at them every `interval` milliseconds: for network mounts, and where watches ran out. */
export function pollFolders(interval: number): OpenFolderWatch {
  return (options) => new PolledFolder(options, interval);
}

class PolledFolder {
  #options: FolderWatchOptions;
  #interval: number;
  #watcher: FSWatcher;
  #timer: NodeJS.Timeout | undefined;

  constructor(options: FolderWatchOptions, interval: number) {
    const { folder, isWanted, onError } = options;
    this.#options = options;
    this.#interval = interval;
    this.#watcher = new FSWatcher({
      usePolling: true,
      interval,
      binaryInterval: interval,
      depth: 0,
      ignoreInitial: true,
      ignorePermissionErrors: true,
      // Atomic saves are told apart by the content; chokidar's own way also hides files by name.
      atomic: false,
      ignored: (file) => path.normalize(file) !== folder && !isWanted(path.normalize(file)),
    });
    this.#watcher.on('raw', (_type, file) => this.#onChange(path.resolve(folder, file)));
    this.#watcher.on('all', (type, file) => {
      this.#onChange(file);
      if (type === 'add') this.#lookAgain();
    });
    this.#watcher.on('error', (error) => onError(error as NodeJS.ErrnoException));
    this.#watcher.on('ready', () => this.#lookAgain());
    this.#watcher.add(folder);
  }

  addFile(file: string): void {
    this.#watcher.add(file);
    this.#lookAgain();
  }

  close(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    void this.#watcher.close();
  }

  #onChange(file: string): void {
    const { folder, onEvent } = this.#options;
    if (this.#watcher.closed) return;
    if (path.dirname(file) === folder) onEvent('change', path.basename(file));
    else if (file === folder) onEvent('change', null);
  }

  /**
   * A polled file is compared with what its first look found. That look comes after chokidar said it is ready, so
   * a change in between would stay unseen: everything is looked at once more, one interval later.
   */
  #lookAgain(): void {
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined;
      this.#options.onEvent('change', null);
    }, this.#interval);
  }
}
