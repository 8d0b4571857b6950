import path from 'node:path';
import ignore, { type Ignore } from 'ignore';

/** Installed packages, version control, and what editors write next to a file while they save it. */
const DEFAULT_PATTERNS: readonly string[] = [
  'node_modules',
  '.git',
  '.DS_Store',
  // vim: swap files, the name with which it tests whether a folder can be written, backups
  '.*.sw[a-p]',
  '4913',
  '*~',
  // emacs: locks and auto-saves
  '.#*',
  String.raw`\#*#`,
  // JetBrains
  '*___jb_tmp___',
  '*___jb_old___',
];

/** Stands for the folders above the working folder, where patterns with a leading slash hold no more. */
const OUTSIDE = '(outside)/';

/** Which paths do not matter: the defaults and the user's gitignore-style patterns, relative to a folder. */
export class IgnorePatterns {
  #folder: string;
  #defaults: Ignore;
  #patterns: Ignore;
  #all: Ignore;
  #named: string[];

  /** `named`: absolute paths that the user asked for by name, so that a default (node_modules) cannot hide them. */
  constructor(folder: string, patterns: readonly string[], named: readonly string[] = []) {
    // As git does: case counts where the file system usually knows it.
    const options = { ignorecase: process.platform === 'win32' || process.platform === 'darwin' };
    this.#folder = folder;
    this.#defaults = ignore(options).add(DEFAULT_PATTERNS);
    this.#patterns = ignore(options).add(patterns);
    // One list, so that a pattern such as `!.git` takes a default back.
    this.#all = ignore(options).add(DEFAULT_PATTERNS).add(patterns);
    this.#named = named.filter((name) => matches(this.#all, folder, name));
  }

  /** Whether `file` (absolute) is ignored, itself or through one of the folders it is in. */
  ignores(file: string): boolean {
    if (!matches(this.#all, this.#folder, file)) return false;
    const named = this.#named.find((name) => file === name || file.startsWith(name + path.sep));
    if (named === undefined) return true;
    return matches(this.#patterns, this.#folder, file) || matches(this.#defaults, named, file);
  }
}

function matches(patterns: Ignore, folder: string, file: string): boolean {
  let relative = path.relative(folder, file).split(path.sep).join('/');
  if (relative === '') return false;
  if (relative.startsWith('../') || relative === '..' || path.isAbsolute(relative)) {
    relative = relative.replace(/^(\.\.\/?)+|^[a-z]:\/+|^\/+/i, '');
    if (relative === '') return false;
    relative = OUTSIDE + relative;
  }
  return patterns.ignores(relative);
}
