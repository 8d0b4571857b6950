import path from 'node:path';
import { fileURLToPath } from 'node:url';
import type { FileImports, Misspeculation, ModuleFormat, ModuleImport, Preloaded, PreloadRoot } from '../protocol.ts';
import { packageNameOf } from '../package-name.ts';
import { displayPath } from '../terminal/display-path.ts';
import { isDependency, type LoadedModules } from '../watch/loaded-modules.ts';

/** What is preloaded: what the app loads ('auto': with speculation), what comes before all its files, or nothing. */
export type PreloadMode = 'auto' | 'prefix' | false;

/** What a standby is to evaluate before the app, and in what order the app would. */
export interface PreloadOrder {
  roots: PreloadRoot[];
  /** The app's files, and data: URLs, in the order in which a cold start begins to evaluate them. */
  order: string[];
  /** The packages that these load themselves, in the order in which they get hold of them. */
  uses: string[];
  /** Of what is known of the imports. */
  version: number;
}

interface KnownImports extends FileImports {
  /** The file of each; undefined: none, or no file. */
  files: (string | undefined)[];
}

/** The code of this package, which a standby has loaded in any case. It lies beside the app when it is linked. */
const OWN_FOLDER = fileURLToPath(new URL('..', import.meta.url));

/** Nothing to be told: the code has changed, so that the order is another one. */
const REORDERED: Misspeculation = { cause: '', roots: [] };

/**
 * Which dependencies a standby evaluates before it knows the app: those that the app's files load, in the order of a
 * cold start. Knows the imports of the app's files, and what turned out not to be possible ahead.
 */
export class PreloadPlan {
  readonly #mode: PreloadMode;
  readonly #entry: string;
  readonly #imports = new Map<string, KnownImports>();
  /** Files that have changed since their imports were read. */
  readonly #changed = new Set<string>();
  #version = 0;
  /** What the generation that serves has loaded. */
  #loaded: LoadedModules | undefined;
  readonly #excluded = new Set<string>();
  readonly #preloaded = new Map<string, Preloaded & { modules: number }>();
  readonly #variables = new Set<string>();
  readonly #told = new Set<string>();
  #isSpeculative: boolean;

  constructor(mode: PreloadMode, entry: string) {
    this.#mode = mode;
    this.#entry = entry;
    this.#isSpeculative = mode === 'auto';
  }

  /** Environment variables that the app sets while it loads. */
  get variables(): string[] {
    return [...this.#variables];
  }

  /** The app's entry is CommonJS. */
  get hasMain(): boolean {
    return this.#loaded?.required.has(this.#entry) === true;
  }

  /** A generation serves. `variables`: those of the environment that the app has set while it was loaded. */
  setServing(loaded: LoadedModules, variables: readonly string[]): void {
    this.#loaded = loaded;
    for (const name of variables) this.#variables.add(name);
  }

  /** Whether the imports of a file are known, and may have been looked for. */
  knows(file: string): boolean {
    return this.#imports.has(file);
  }

  noteChanged(files: readonly string[]): void {
    for (const file of files) if (this.#imports.has(file)) this.#changed.add(file);
  }

  /** What the changed files imported before: the worker that loads them is to read them anew. */
  changed(): Record<string, FileImports> {
    const changed: Record<string, FileImports> = {};
    for (const file of this.#changed) {
      const { format, list } = this.#imports.get(file) as KnownImports;
      changed[file] = { format, list };
    }
    return changed;
  }

  /** Files of the app whose imports have never been read, and how they are loaded. */
  unread(): Record<string, ModuleFormat> {
    const unread: Record<string, ModuleFormat> = {};
    if (!this.#loaded || this.#mode === false) return unread;
    const { imported, required } = this.#loaded;
    for (const file of new Set([...imported, ...required.keys()])) {
      const format = formatOf(file, this.#loaded);
      if (this.#imports.get(file)?.format !== format && !file.startsWith(OWN_FOLDER)) unread[file] = format;
    }
    return unread;
  }

  /** What the files of the app import that is found in the same place for as long as the dependencies, and the files, stay. */
  resolvable(): Record<string, { format: ModuleFormat; specifiers: string[] }> {
    const resolvable: Record<string, { format: ModuleFormat; specifiers: string[] }> = {};
    for (const [file, { format, list, files }] of this.#imports) {
      const folder = path.dirname(file);
      const specifiers = (list ?? []).flatMap(({ specifier }, at) => {
        const target = files[at];
        if (target === undefined) return [];
        // Which of several names a require() finds may change with every file that comes.
        const isThatFile = format === 'import' && path.resolve(folder, specifier) === target;
        return isDependency(target) || isThatFile ? [specifier] : [];
      });
      if (specifiers.length > 0 && this.#loaded?.files.has(file)) resolvable[file] = { format, specifiers };
    }
    return resolvable;
  }

  /** Takes what files import. */
  learn(imports: Record<string, FileImports>): void {
    for (const [file, { format, list }] of Object.entries(imports)) {
      this.#changed.delete(file);
      const before = this.#imports.get(file);
      if (before?.format === format && before.list && list && isSame(before.list, list)) continue;
      this.#version++;
      this.#imports.set(file, { format, list, files: list?.map(({ url }) => pathOf(url)) ?? [] });
    }
  }

  /** The dependencies are other ones now: what was learned of them does not hold any more. */
  forget(): void {
    this.#version++;
    this.#imports.clear();
    this.#changed.clear();
    this.#excluded.clear();
    this.#preloaded.clear();
    this.#isSpeculative = this.#mode === 'auto';
  }

  /** What the next standby is to evaluate, with what it is to leave to the app. */
  next(): PreloadOrder {
    if (!this.#loaded || this.#mode === false) return { roots: [], order: [], uses: [], version: this.#version };
    const order = this.#walk(this.#loaded);
    let hasGap = false;
    let gapLeavesTraces = false;
    const roots = order.roots.map((root) => {
      const { target, after } = root;
      const leavesTraces = this.#preloaded.get(target)?.leavesTraces;
      const isAllowed = !this.#excluded.has(target) && (after === 0 || this.#isSpeculative);
      // What was left out comes later than in a cold start: what follows must not notice, nor be noticed.
      if (isAllowed && (!hasGap || (!gapLeavesTraces && leavesTraces !== true))) return root;
      hasGap = true;
      gapLeavesTraces ||= leavesTraces !== false;
      return { ...root, isLeft: true };
    });
    return { ...order, roots };
  }

  /** The targets of what may be evaluated ahead. */
  #targets(): Set<string> {
    return new Set(this.next().roots.flatMap(({ target, isLeft }) => (isLeft ? [] : [target])));
  }

  /** Whether these may be evaluated ahead in the way they were, as far as is known by now. */
  allows(then: PreloadOrder, targets: readonly string[]): boolean {
    const afterNow = new Map(
      this.next().roots.flatMap(({ target, after, isLeft }) => (isLeft ? [] : [[target, after]])),
    );
    const evaluated = then.roots.filter(({ target }) => targets.includes(target));
    // One that came before every file of the app was not watched.
    return evaluated.every(({ target, after }) => afterNow.has(target) && (after > 0 || afterNow.get(target) === 0));
  }

  /** Notes what roots cost. `modules`: how many files each has loaded. */
  notePreloaded(preloaded: readonly Preloaded[], modules: ReadonlyMap<string, number>): void {
    for (const one of preloaded) {
      // What a CommonJS file has looked at comes before it from now on.
      if (one.leavesTraces && !this.#preloaded.get(one.target)?.leavesTraces) this.#version++;
      this.#preloaded.set(one.target, { ...one, modules: modules.get(one.target) ?? 1 });
    }
  }

  /**
   * Whether a worker that has evaluated roots ahead has come to what a cold start of the code as it is now would have:
   * since then imports may have come, gone or changed places.
   */
  verify(then: PreloadOrder, preloaded: readonly Preloaded[], loaded: LoadedModules): Misspeculation | undefined {
    if (preloaded.length === 0) return undefined;
    if (then.version === this.#version && hasSameRequires(loaded, this.#loaded)) return undefined;
    // One that was CommonJS and is an ES module now was read as what it was.
    for (const [file, { format }] of this.#imports) {
      if (loaded.files.has(file) && format !== formatOf(file, loaded)) return REORDERED;
    }
    const now = this.#walk(loaded);
    const traces = new Map(preloaded.map(({ target, leavesTraces }) => [target, leavesTraces]));
    const ahead = then.roots.filter(({ target }) => traces.has(target));
    const placeNow = new Map(now.roots.map(({ target }, index) => [target, index]));
    let last = -1;
    for (const root of ahead) {
      const place = placeNow.get(root.target);
      const mayShow = traces.get(root.target) === true;
      // No longer used: it must not show that it was evaluated, in a package that it shares with others either.
      if (place === undefined) return REORDERED;
      if (place < last) return REORDERED;
      last = place;
      const filesThen = new Set(then.order.slice(0, root.after));
      const hasNewFilesBefore = now.order.slice(0, now.roots[place]?.after).some((file) => !filesThen.has(file));
      // A root that came before every file of the app was not watched when it was evaluated.
      if (hasNewFilesBefore && (mayShow || root.after === 0)) return REORDERED;
    }
    // What was not evaluated ahead comes after what was.
    const firstLate = now.roots.findIndex(({ target }) => !traces.has(target));
    const isLate = firstLate >= 0 && now.roots.slice(firstLate).some(({ target }) => traces.get(target) === true);
    return isLate ? REORDERED : undefined;
  }

  /** Leaves out what can't be evaluated ahead. Returns what is to be told about it, once. */
  exclude({ cause, roots, file }: Misspeculation): string | undefined {
    const before = this.#targets();
    if (roots === 'speculated') this.#isSpeculative = false;
    else for (const target of roots) this.#excluded.add(target);
    const kept = this.#targets();
    const lost = [...before].filter((target) => !kept.has(target)).map((target) => this.#preloaded.get(target));
    if (cause === '' || lost.length === 0 || this.#told.has(cause)) return undefined;
    this.#told.add(cause);
    const ms = Math.round(lost.reduce((sum, one) => sum + (one?.ms ?? 0), 0));
    const modules = lost.reduce((sum, one) => sum + (one?.modules ?? 1), 0);
    const told = `${cause}: ${modules === 1 ? '1 module is' : `${modules} modules are`} not preloaded`;
    if (file === undefined || file.startsWith('data:')) return ms > 0 ? `${told}, which costs about ${ms} ms` : told;
    const advice = `--exec-arg=--import=./${displayPath(file)}`;
    return `${told}; load it first${ms > 0 ? ` to win about ${ms} ms` : ''}: ${advice}`;
  }

  /** The same for several at once, with one thing to be told. */
  excludeAll(misspeculations: readonly Misspeculation[]): string | undefined {
    const messages = misspeculations.flatMap((one) => this.exclude(one) ?? []);
    return messages.length > 1 ? `${messages[0]}; and ${messages.length - 1} more like this` : messages[0];
  }

  /**
   * The order of a cold start: an ES module comes after what it imports, a CommonJS file after what it requires at its
   * top and before what it requires later.
   */
  #walk({ files, dependencies, required }: LoadedModules): PreloadOrder {
    const roots = new Map<string, PreloadRoot>();
    const order = new Set<string>();
    /** CommonJS files none of whose code has run yet, but which would see what a dependency changes. */
    const looking = new Set<string>();
    const uses: string[] = [];
    const seen = new Set<string>();
    /** Returns the package that the file belongs to. */
    const meet = (file: string, target: string, from: string, how: PreloadRoot['how'] | 'data'): string | undefined => {
      if (file.startsWith(OWN_FOLDER)) return undefined;
      if (!isDependency(file)) {
        if (how !== 'data' && files.has(file)) visit(file);
        return undefined;
      }
      // An import and a require() of one CommonJS file are one evaluation; an import with a query is another.
      const key = how === 'import' && target.includes('?') ? target : file;
      if (how !== 'data' && dependencies.has(file) && !roots.has(key)) {
        if (this.#preloaded.get(target)?.leavesTraces) for (const one of looking) order.add(one);
        roots.set(key, { target, how, from, after: order.size, used: uses.length, isLeft: false });
      }
      return packageNameOf(file);
    };
    const visitRequired = (file: string, children: readonly string[]): void => {
      const top = this.#requiredAtTop(file, children);
      const usedAtTop: (string | undefined)[] = [];
      for (const { target, hasLooked } of top) {
        if (hasLooked) looking.add(file);
        usedAtTop.push(meet(target, target, file, 'require'));
      }
      looking.delete(file);
      order.add(file);
      uses.push(...usedAtTop.filter((name) => name !== undefined));
      for (const child of children.slice(top.length)) {
        const used = meet(child, child, file, 'require');
        if (used) uses.push(used);
      }
    };
    const visitImports = (file: string, list: readonly ModuleImport[], targets: KnownImports['files']): void => {
      const used: (string | undefined)[] = [];
      for (const [at, { url, isDynamic, isData }] of list.entries()) {
        const target = targets[at];
        // It has no file, but code that runs.
        if (url?.startsWith('data:') && !isDynamic && !isData) order.add(url);
        if (target === undefined || url === null || isDynamic) continue;
        used.push(meet(target, url, file, isData ? 'data' : 'import'));
      }
      order.add(file);
      uses.push(...used.filter((name) => name !== undefined));
      // A dependency that is imported on a condition is not evaluated ahead. That a file of the app was, shows.
      for (const [at, { url, isDynamic }] of list.entries()) {
        const target = targets[at];
        if (target !== undefined && url !== null && isDynamic && !isDependency(target))
          meet(target, url, file, 'import');
      }
    };
    const visit = (file: string): void => {
      // JSON is no code, neither does nor sees anything.
      if (seen.has(file) || file.endsWith('.json')) return;
      seen.add(file);
      const children = required.get(file);
      const imports = this.#imports.get(file);
      if (children) visitRequired(file, children);
      else if (imports?.format === 'import') visitImports(file, imports.list ?? [], imports.files);
      else visitImports(file, [], []);
    };
    visit(this.#entry);
    return { roots: [...roots.values()], order: [...order], uses, version: this.#version };
  }

  /**
   * What a CommonJS file requires before any of its code runs, as far as its source and what it has required agree: a
   * loader may leave out imports of types, a hook may put a file in the place of another.
   */
  #requiredAtTop(file: string, children: readonly string[]): { target: string; hasLooked: boolean }[] {
    const imports = this.#imports.get(file);
    if (imports?.format !== 'require') return [];
    const top: { target: string; hasLooked: boolean }[] = [];
    for (const [at, { hasLooked }] of (imports.list ?? []).entries()) {
      const target = imports.files[at];
      if (target === undefined) continue;
      if (target === children[top.length]) top.push({ target, hasLooked });
      else if (children.indexOf(target) > top.length) break;
    }
    return top;
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

function hasSameRequires({ required }: LoadedModules, other: LoadedModules | undefined): boolean {
  if (required.size !== other?.required.size) return false;
  for (const [file, children] of required) {
    const others = other.required.get(file);
    if (children.length !== others?.length || children.some((child, at) => child !== others[at])) return false;
  }
  return true;
}
