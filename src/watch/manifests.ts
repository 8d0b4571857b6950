import { existsSync } from 'node:fs';
import path from 'node:path';

/**
 * The package.json files that decide how the app's own files are loaded, and what the packages that are linked into it
 * export: for each file the nearest one.
 */
export class Manifests {
  /** By folder; undefined: there is none in it or above it. */
  readonly #known = new Map<string, string | undefined>();

  /** `files`: absolute paths. */
  of(files: Iterable<string>): Set<string> {
    const manifests = new Set<string>();
    for (const file of files) {
      const manifest = this.#nearest(path.dirname(file));
      if (manifest !== undefined) manifests.add(manifest);
    }
    return manifests;
  }

  #nearest(folder: string): string | undefined {
    if (this.#known.has(folder)) return this.#known.get(folder);
    const own = path.join(folder, 'package.json');
    const parent = path.dirname(folder);
    const above = (): string | undefined => (parent === folder ? undefined : this.#nearest(parent));
    const nearest = existsSync(own) ? own : above();
    this.#known.set(folder, nearest);
    return nearest;
  }
}
