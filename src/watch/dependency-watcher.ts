import { watch, type FSWatcher } from 'node:fs';
import path from 'node:path';
import { packageFolderOf } from '../packages.ts';
import { FileChangeWatcher } from './file-change-watcher.ts';

/** What decides which dependencies there are and how code is loaded, in the folder of the project. */
const PROJECT_FILES = [
  ...['package.json', 'package-lock.json', 'npm-shrinkwrap.json', 'yarn.lock', 'pnpm-lock.yaml', 'bun.lock'],
  ...['tsconfig.json', '.env', '.env.local', '.env.development', '.env.development.local'],
];

interface Folder {
  watcher: FSWatcher | undefined;
  /** The files in it that are loaded. */
  names: Set<string>;
}

/** How many folders are opened in one turn of the event loop, which serves connections, too. */
const AT_A_TIME = 20;

/** Each takes a watch of the system, of which there are some ten thousand for all programs. */
const MOST_FOLDERS = 2000;

/** A package manager touches thousands of files: it is done when this long nothing more came, in milliseconds. */
const QUIET = 200;

export interface DependencyWatcherOptions {
  /** The folder of the app's package.json. */
  project: string;
  /** Interval in milliseconds; undefined: the system's events. */
  pollInterval: number | undefined;
  /** Something has happened to the dependencies, or to what decides on them; called for every single thing. */
  onChange: () => void;
  /** After that nothing more has happened for a while. */
  onQuiet: () => void;
}

/**
 * Watches the files of installed packages, which are not the app's code: a change restarts nothing, but what has been
 * evaluated ahead is no longer what the app would load. Their content is not looked at: there are thousands.
 */
export class DependencyWatcher {
  readonly #options: DependencyWatcherOptions;
  /** Where there are no events: a package manager writes its lockfile. */
  readonly #polled: FileChangeWatcher | undefined;
  readonly #folders = new Map<string, Folder>();
  /** The files that are watched: each generation tells thousands of them again. */
  readonly #files = new Set<string>();
  /** Folders that are not watched yet. */
  #unwatched: string[] = [];
  #timer: NodeJS.Timeout | undefined;

  constructor(options: DependencyWatcherOptions) {
    const { project, pollInterval } = options;
    this.#options = options;
    if (pollInterval === undefined) return;
    this.#polled = new FileChangeWatcher({ watchPaths: PROJECT_FILES, cwd: project, pollInterval });
    this.#polled.setChangeCallback(() => this.#changed());
    this.#polled.setErrorCallback(() => {});
  }

  async start(): Promise<void> {
    // A save of one of them and of a file of the app in the same moment must not meet a standby that is out of date: its
    // content is not looked at either.
    this.add(PROJECT_FILES.map((name) => path.join(this.#options.project, name)));
    await this.#polled?.start();
  }

  async stop(): Promise<void> {
    clearTimeout(this.#timer);
    for (const { watcher } of this.#folders.values()) watcher?.close();
    this.#folders.clear();
    this.#files.clear();
    this.#unwatched = [];
    await this.#polled?.stop();
  }

  /** Files of dependencies, or that those have read: absolute paths. Those of earlier calls stay. */
  add(files: Iterable<string>): void {
    if (this.#polled) return;
    const isOpening = this.#unwatched.length > 0;
    const added = [...files].filter((file) => !this.#files.has(file));
    for (const file of withManifests(added)) {
      this.#files.add(file);
      const name = path.dirname(file);
      const folder = this.#folders.get(name);
      if (folder) folder.names.add(path.basename(file));
      else if (this.#folders.size < MOST_FOLDERS) {
        this.#folders.set(name, { watcher: undefined, names: new Set([path.basename(file)]) });
        this.#unwatched.push(name);
      }
    }
    if (!isOpening) this.#openSome();
  }

  #openSome(): void {
    for (const name of this.#unwatched.splice(0, AT_A_TIME)) {
      const folder = this.#folders.get(name);
      if (folder) folder.watcher = this.#open(name, folder.names);
    }
    if (this.#unwatched.length > 0) setImmediate(() => this.#openSome());
  }

  #open(name: string, files: ReadonlySet<string>): FSWatcher | undefined {
    try {
      const watcher = watch(name, { persistent: false }, (_type, file) => {
        if (file === null || files.has(file)) this.#changed();
      });
      return watcher.on('error', () => watcher.close());
    } catch {
      // No such folder, or no watches left: the project's own files still tell.
      return undefined;
    }
  }

  #changed(): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(this.#options.onQuiet, QUIET);
    this.#options.onChange();
  }
}

/** The package.json of a package decides which of its files are loaded. */
function withManifests(files: readonly string[]): Set<string> {
  const all = new Set(files);
  for (const file of files) {
    const folder = packageFolderOf(file);
    if (folder !== undefined) all.add(path.join(folder, 'package.json'));
  }
  return all;
}
