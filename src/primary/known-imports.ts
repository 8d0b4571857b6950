import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { isDependency, isOwn } from '../packages.ts';
import type { FileImports, ModuleFormat, ModuleImport } from '../protocol.ts';
import type { LoadedModules } from '../watch/loaded-modules.ts';

export interface KnownImport extends ModuleImport {
  /** What it loads; undefined: nothing, or no file. */
  file: string | undefined;
}

interface KnownFile {
  /** As the worker has told it. */
  read: FileImports;
  imports: readonly KnownImport[];
}

/** What is known of the imports of the app's files, which the workers read, and which of it has to be read anew. */
export class KnownImports {
  readonly #files = new Map<string, KnownFile>();
  /** Files that have changed since their imports were read. */
  readonly #changed = new Set<string>();
  #version = 0;

  /** Grows with everything that is learned or forgotten. */
  get version(): number {
    return this.#version;
  }

  /** Whether the imports of a file are known, and may have been looked for. */
  has(file: string): boolean {
    return this.#files.has(file);
  }

  /** What a file imports that is loaded in this way; nothing if that is not known, or can't be read. */
  of(file: string, format: ModuleFormat): readonly KnownImport[] {
    const known = this.#files.get(file);
    return known?.read.format === format ? known.imports : [];
  }

  noteChanged(files: readonly string[]): void {
    for (const file of files) if (this.#files.has(file)) this.#changed.add(file);
  }

  /** What the changed files imported before: the worker that loads them is to read them anew. */
  changed(): Record<string, FileImports> {
    const changed: Record<string, FileImports> = {};
    for (const file of this.#changed) changed[file] = (this.#files.get(file) as KnownFile).read;
    return changed;
  }

  /** Takes what files import. */
  learn(imports: Record<string, FileImports>): void {
    for (const [file, { format, list }] of Object.entries(imports)) {
      this.#changed.delete(file);
      const before = this.#files.get(file)?.read;
      if (before?.format === format && before.list && list && isSame(before.list, list)) continue;
      this.#version++;
      const known = (list ?? []).map((one) => ({ ...one, file: pathOf(one.url) }));
      this.#files.set(file, { read: { format, list }, imports: known });
    }
  }

  /** The dependencies are other ones now: what was found in them is not there any more. */
  forget(): void {
    this.#version++;
    this.#files.clear();
    this.#changed.clear();
  }

  /** Files of the app whose imports have never been read, and how they are loaded. */
  unread(loaded: LoadedModules): Record<string, ModuleFormat> {
    const unread: Record<string, ModuleFormat> = {};
    for (const file of new Set([...loaded.imported, ...loaded.required.keys()])) {
      const format = formatOf(file, loaded);
      if (this.#files.get(file)?.read.format !== format && !isOwn(file)) unread[file] = format;
    }
    return unread;
  }

  /** Whether files that were loaded were read as what they are: one may have been CommonJS, and be an ES module now. */
  agreesWith(loaded: LoadedModules): boolean {
    for (const [file, { read }] of this.#files) {
      if (loaded.files.has(file) && read.format !== formatOf(file, loaded)) return false;
    }
    return true;
  }

  /** What the files of the app import that is found in the same place for as long as the dependencies, and the files, stay. */
  resolvable(loaded: LoadedModules): Record<string, { format: ModuleFormat; specifiers: string[] }> {
    const resolvable: Record<string, { format: ModuleFormat; specifiers: string[] }> = {};
    for (const [file, { read, imports }] of this.#files) {
      const { format } = read;
      const folder = path.dirname(file);
      const specifiers = imports.flatMap(({ specifier, file: target }) => {
        if (target === undefined) return [];
        // Which of several names a require() finds may change with every file that comes.
        const isThatFile = format === 'import' && path.resolve(folder, specifier) === target;
        return isDependency(target) || isThatFile ? [specifier] : [];
      });
      if (specifiers.length > 0 && loaded.files.has(file)) resolvable[file] = { format, specifiers };
    }
    return resolvable;
  }
}

function formatOf(file: string, { required }: LoadedModules): ModuleFormat {
  return required.has(file) ? 'require' : 'import';
}

/** The file of a URL; undefined: it is none of a file. */
function pathOf(url: string | null): string | undefined {
  try {
    return url === null ? undefined : fileURLToPath(url);
  } catch {
    return undefined;
  }
}

function isSame(one: readonly ModuleImport[], other: readonly ModuleImport[]): boolean {
  return (
    one.length === other.length &&
    one.every((it, at) => {
      const { url, isDynamic, isData, hasLooked } = other[at] as ModuleImport;
      const isSameKind = it.isDynamic === isDynamic && it.isData === isData && it.hasLooked === hasLooked;
      return it.url === url && isSameKind;
    })
  );
}
