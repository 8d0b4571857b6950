import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { isDependency } from '../packages.ts';

/**
 * The files a program loaded, collected from what Node.js sends to its IPC parent when the environment
 * variable WATCH_REPORT_DEPENDENCIES is set (lib/internal/modules/cjs/loader.js and esm/utils.js, Node.js 20 to 26):
 * `{ 'watch:require': (string | null)[] }` with paths, `{ 'watch:import': string[] }` with URLs.
 */
export class LoadedModules {
  #files = new Set<string>();
  #imported = new Set<string>();
  #dependencies = new Set<string>();
  #read = new Set<string>();
  #required: ReadonlyMap<string, string[]> = new Map();

  /** The app's own files: absolute paths. A file that an import looked for in vain can be among them. */
  get files(): ReadonlySet<string> {
    return this.#files;
  }

  /** Those that were there when they were loaded; of a required file Node does not tell. */
  get imported(): ReadonlySet<string> {
    return this.#imported;
  }

  /** The files below a node_modules folder: absolute paths. */
  get dependencies(): ReadonlySet<string> {
    return this.#dependencies;
  }

  /** The app's CommonJS files, and what each has required, in that order. */
  get required(): ReadonlyMap<string, string[]> {
    return this.#required;
  }

  /** Files that dependencies have looked at while they were evaluated: absolute paths. */
  get read(): ReadonlySet<string> {
    return this.#read;
  }

  /** Whether what was loaded would be another if this file were. */
  has(file: string): boolean {
    return this.#files.has(file) || this.#dependencies.has(file) || this.#read.has(file);
  }

  addRead(files: Iterable<string>): void {
    for (const file of files) this.#read.add(file);
  }

  setRequired(files: Record<string, string[]>): void {
    this.#required = new Map(Object.entries(files));
    for (const file of this.#required.keys()) this.#files.add(file);
  }

  /** Takes a message from the program; false when it is not a report of loaded modules. */
  add(message: unknown): boolean {
    if (typeof message !== 'object' || message === null) return false;
    const required = (message as Record<string, unknown>)['watch:require'];
    const imported = (message as Record<string, unknown>)['watch:import'];
    if (!Array.isArray(required) && !Array.isArray(imported)) return false;
    for (const name of (required as unknown[] | undefined) ?? []) this.#keep(pathOf(name));
    for (const url of (imported as unknown[] | undefined) ?? []) {
      const file = pathOf(url);
      this.#keep(file);
      if (file !== undefined && this.#files.has(file)) this.#imported.add(file);
    }
    return true;
  }

  #keep(file: string | undefined): void {
    if (file !== undefined) (isDependency(file) ? this.#dependencies : this.#files).add(file);
  }
}

/** The file of a path or a file: URL; undefined for built-in modules, data: URLs and what is no name at all. */
function pathOf(name: unknown): string | undefined {
  if (typeof name !== 'string') return undefined;
  if (path.isAbsolute(name)) return path.normalize(name);
  if (!name.startsWith('file:')) return undefined;
  try {
    // Loaders add a query to load a module anew (tsx: `?namespace=…`): it is no part of the file's name.
    return fileURLToPath(name);
  } catch {
    return undefined;
  }
}
