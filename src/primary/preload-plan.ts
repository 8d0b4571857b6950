import type { Misspeculation, ModuleFormat, Preloaded } from '../protocol.ts';
import { displayPath } from '../terminal/display-path.ts';
import type { LoadedModules } from '../watch/loaded-modules.ts';
import { coldStartOrder, type ColdStartOrder } from './cold-start-order.ts';
import { KnownImports } from './known-imports.ts';

/** What is preloaded: what the app loads ('auto': with speculation), what comes before all its files, or nothing. */
export type PreloadMode = 'auto' | 'prefix' | false;

/** What a standby is to evaluate before the app, and in what order the app would. */
export interface PreloadOrder extends ColdStartOrder {
  /** Of what is known that the order follows from. */
  version: number;
}

/** Nothing to be told: the code has changed, so that the order is another one. */
const REORDERED: Misspeculation = { cause: '', roots: [] };

/**
 * Which dependencies a standby evaluates before it knows the app: those that the app's files load, in the order of a
 * cold start, without what turned out not to be possible ahead.
 */
export class PreloadPlan {
  readonly imports: KnownImports = new KnownImports();
  readonly #mode: PreloadMode;
  readonly #entry: string;
  /** What the generation that serves has loaded. */
  #loaded: LoadedModules | undefined;
  readonly #excluded = new Set<string>();
  readonly #preloaded = new Map<string, Preloaded & { modules: number }>();
  /** How often it has turned out that a root leaves traces. */
  #tracesFound = 0;
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

  /** Grows with everything that the order follows from. */
  get #version(): number {
    return this.imports.version + this.#tracesFound;
  }

  /** A generation serves. `variables`: those of the environment that the app has set while it was loaded. */
  setServing(loaded: LoadedModules, variables: readonly string[]): void {
    this.#loaded = loaded;
    for (const name of variables) this.#variables.add(name);
  }

  /** Files of the app whose imports have never been read, and how they are loaded. */
  unread(): Record<string, ModuleFormat> {
    return this.#loaded && this.#mode !== false ? this.imports.unread(this.#loaded) : {};
  }

  /** What the files of the app import that can be looked for before they are loaded. */
  resolvable(): Record<string, { format: ModuleFormat; specifiers: string[] }> {
    return this.#loaded ? this.imports.resolvable(this.#loaded) : {};
  }

  /** The dependencies are other ones now: what was learned of them does not hold any more. */
  forget(): void {
    this.imports.forget();
    this.#excluded.clear();
    this.#preloaded.clear();
    this.#isSpeculative = this.#mode === 'auto';
  }

  /** What the next standby is to evaluate, with what it is to leave to the app. */
  next(): PreloadOrder {
    const version = this.#version;
    if (!this.#loaded || this.#mode === false) return { roots: [], order: [], uses: [], version };
    const order = this.#orderOf(this.#loaded);
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
    return { ...order, roots, version };
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
      if (one.leavesTraces && !this.#preloaded.get(one.target)?.leavesTraces) this.#tracesFound++;
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
    if (!this.imports.agreesWith(loaded)) return REORDERED;
    const now = this.#orderOf(loaded);
    const traces = new Map(preloaded.map(({ target, leavesTraces }) => [target, leavesTraces]));
    const ahead = then.roots.filter(({ target }) => traces.has(target));
    const placeThen = new Map(then.order.map((file, index) => [file, index]));
    const placeNow = new Map(now.roots.map(({ target }, index) => [target, index]));
    let last = -1;
    for (const root of ahead) {
      const place = placeNow.get(root.target);
      const mayShow = traces.get(root.target) === true;
      // No longer used: it must not show that it was evaluated, in a package that it shares with others either.
      if (place === undefined) return REORDERED;
      if (place < last) return REORDERED;
      last = place;
      const before = now.order.slice(0, now.roots[place]?.after);
      // What such a file changes was taken for what comes later, which the root does not see.
      if (before.some((file) => (placeThen.get(file) ?? -1) >= root.after)) return REORDERED;
      const hasNewFilesBefore = before.some((file) => !placeThen.has(file));
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

  /** Of a cold start of the code as it is now, which loads these. */
  #orderOf(loaded: LoadedModules): ColdStartOrder {
    return coldStartOrder(loaded, {
      entry: this.#entry,
      imports: this.imports,
      leavesTraces: (target) => this.#preloaded.get(target)?.leavesTraces === true,
    });
  }
}

function hasSameRequires({ required }: LoadedModules, other: LoadedModules | undefined): boolean {
  if (required.size !== other?.required.size) return false;
  for (const [file, children] of required) {
    const others = other.required.get(file);
    if (children.length !== others?.length || children.some((child, at) => child !== others[at])) return false;
  }
  return true;
}
