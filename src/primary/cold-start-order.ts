import { isDependency, isOwn, packageNameOf } from '../packages.ts';
import type { PreloadRoot } from '../protocol.ts';
import type { LoadedModules } from '../watch/loaded-modules.ts';
import type { KnownImports } from './known-imports.ts';

/** What a cold start evaluates, and in what order. */
export interface ColdStartOrder {
  /** The dependencies that the app's files load. */
  roots: PreloadRoot[];
  /** The app's files, and data: URLs, in the order in which a cold start begins to evaluate them. */
  order: string[];
  /** The packages that these load themselves, in the order in which they get hold of them. */
  uses: string[];
}

/** What the order follows from, besides what was loaded. */
export interface ColdStartOptions {
  entry: string;
  imports: KnownImports;
  /** Whether a dependency is known to change something that all modules share. */
  leavesTraces: (target: string) => boolean;
}

/**
 * The order of a cold start: an ES module comes after what it imports, a CommonJS file after what it requires at its
 * top and before what it requires later.
 */
export function coldStartOrder(loaded: LoadedModules, options: ColdStartOptions): ColdStartOrder {
  const walk = new Walk(loaded, options);
  walk.visit(options.entry);
  return walk.outcome;
}

/** How a file of the app asks for something. */
type Request = Pick<PreloadRoot, 'target' | 'how' | 'from'>;

/** One way through the files of the app, in the order in which they are evaluated. */
class Walk {
  readonly #loaded: LoadedModules;
  readonly #options: ColdStartOptions;
  readonly #roots = new Map<string, PreloadRoot>();
  readonly #order = new Set<string>();
  readonly #uses: string[] = [];
  readonly #seen = new Set<string>();
  /** CommonJS files none of whose code has run yet, but which would see what a dependency changes. */
  readonly #looking = new Set<string>();

  constructor(loaded: LoadedModules, options: ColdStartOptions) {
    this.#loaded = loaded;
    this.#options = options;
  }

  get outcome(): ColdStartOrder {
    return { roots: [...this.#roots.values()], order: [...this.#order], uses: this.#uses };
  }

  /** A file of the app is loaded. */
  visit(file: string): void {
    // JSON is no code, neither does nor sees anything.
    if (this.#seen.has(file) || file.endsWith('.json')) return;
    this.#seen.add(file);
    const children = this.#loaded.required.get(file);
    if (children) this.#visitCommonJs(file, children);
    else this.#visitModule(file);
  }

  /** `children`: what it has required. */
  #visitCommonJs(file: string, children: readonly string[]): void {
    const top = this.#requiredAtTop(file, children);
    for (const { target, hasLooked } of top) {
      if (hasLooked) this.#looking.add(file);
      this.#load(target, { target, how: 'require', from: file });
    }
    this.#looking.delete(file);
    this.#order.add(file);
    for (const { target } of top) this.#use(target);
    for (const child of children.slice(top.length)) {
      this.#load(child, { target: child, how: 'require', from: file });
      this.#use(child);
    }
  }

  /**
   * What a CommonJS file requires before any of its code runs, as far as its source and what it has required agree: a
   * loader may leave out imports of types, a hook may put a file in the place of another.
   */
  #requiredAtTop(file: string, children: readonly string[]): { target: string; hasLooked: boolean }[] {
    const top: { target: string; hasLooked: boolean }[] = [];
    for (const { file: target, hasLooked } of this.#options.imports.of(file, 'require')) {
      if (target === undefined) continue;
      if (target === children[top.length]) top.push({ target, hasLooked });
      else if (children.indexOf(target) > top.length) break;
    }
    return top;
  }

  #visitModule(file: string): void {
    const imports = this.#options.imports.of(file, 'import');
    const used: string[] = [];
    for (const { file: target, url, isDynamic, isData } of imports) {
      if (url === null || isDynamic) continue;
      // It has no file, but code that runs.
      if (url.startsWith('data:') && !isData) this.#order.add(url);
      if (target === undefined) continue;
      if (!isData) this.#load(target, { target: url, how: 'import', from: file });
      used.push(target);
    }
    this.#order.add(file);
    for (const target of used) this.#use(target);
    // A dependency that is imported on a condition is not evaluated ahead. That a file of the app was, shows.
    for (const { file: target, url, isDynamic } of imports) {
      if (target === undefined || url === null || !isDynamic || isDependency(target)) continue;
      this.#load(target, { target: url, how: 'import', from: file });
    }
  }

  #load(file: string, request: Request): void {
    // A standby has loaded it in any case. It lies beside the app when it is linked.
    if (isOwn(file)) return;
    if (isDependency(file)) this.#addRoot(file, request);
    else if (this.#loaded.files.has(file)) this.visit(file);
  }

  #addRoot(file: string, request: Request): void {
    const { target, how } = request;
    // An import and a require() of one CommonJS file are one evaluation; an import with a query is another.
    const key = how === 'import' && target.includes('?') ? target : file;
    if (!this.#loaded.dependencies.has(file) || this.#roots.has(key)) return;
    if (this.#options.leavesTraces(target)) for (const one of this.#looking) this.#order.add(one);
    this.#roots.set(key, { ...request, after: this.#order.size, used: this.#uses.length, isLeft: false });
  }

  /** A file of the app gets hold of a package, if this is a file of one. */
  #use(file: string): void {
    if (isDependency(file) && !isOwn(file)) this.#uses.push(packageNameOf(file));
  }
}
