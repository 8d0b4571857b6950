import { readFileSync } from 'node:fs';
import { Module, syncBuiltinESMExports } from 'node:module';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { messageOf } from '../errors.ts';
import type { MessageOf, MessageToWorker, Misspeculation, Preloaded, PreloadRoot } from '../protocol.ts';
import { changedVariables, withEnvRecord } from './env-record.ts';
import { withMissingGlobals } from './missing-globals.ts';
import { ObjectRecord, type ObjectChange } from './object-record.ts';
import { exportedObjects, exportsOf } from './package-exports.ts';
import { packageNameOf, usesPackage } from './package-graph.ts';
import { World } from './world.ts';

type Task = MessageOf<MessageToWorker, 'preload'>;

/** What a root was seen to look at while it was evaluated; only of those that a cold start evaluates after app files. */
interface Observed {
  root: PreloadRoot;
  variables: Set<string>;
  enumeratesVariables: boolean;
  missingGlobals: Set<string>;
  countsListeners: boolean;
}

/**
 * Evaluates dependencies before the app is loaded, in the order of a cold start. For those that a cold start would
 * have evaluated after some of the app's files this is speculation: it is right as long as neither side saw what the
 * other one changed. Both are noted here: what a dependency reads and changes of the world that all modules share
 * (environment, globals, built-ins, hooks), and what the app changes there while it loads.
 *
 * Not noted: what a module keeps to itself and another reads through a function of it, files, and the time.
 */
export class Preload {
  readonly #world = new World();
  readonly #observed: Observed[] = [];
  readonly #preloaded: Preloaded[] = [];
  readonly #task: Task;
  readonly #hooks = new HookCalls();
  #exports: ObjectRecord | undefined;
  #folder = '';
  #listeners = '';
  #current: PreloadRoot | undefined;
  #spoiled: Misspeculation | undefined;
  #isStopped = false;
  #ended: Promise<void> = Promise.resolve();

  constructor(task: Task) {
    this.#task = task;
  }

  /** Evaluates the roots, until it is told to stop. `onRoot` is called before each. */
  async run(
    onRoot: (target: string) => void,
  ): Promise<{ preloaded: Preloaded[]; spoiled: Misspeculation | undefined }> {
    const done = this.#run(onRoot);
    this.#ended = done.catch(() => {});
    await done;
    return { preloaded: this.#preloaded, spoiled: this.#spoiled };
  }

  /** Resolves when the root that is being evaluated has ended; no other follows. */
  async stop(): Promise<Misspeculation | undefined> {
    this.#isStopped = true;
    await this.#ended;
    return this.#spoiled;
  }

  /** A dependency does, while it is evaluated, what has its effect at once: it can't be done ahead. */
  spoil(what: string): void {
    if (!this.#current) return;
    const { target } = this.#current;
    this.#spoiled ??= { cause: `${packageNameOf(target)} ${what} while it loads`, roots: [target] };
  }

  async #run(onRoot: (target: string) => void): Promise<void> {
    for (const root of this.#task.roots) {
      // Lets the word in that the app is to be loaded.
      await nextTurn();
      if (this.#isStopped || this.#spoiled) break;
      onRoot(root.target);
      this.#current = root;
      await this.#evaluate(root);
      this.#current = undefined;
    }
    this.#exports = new ObjectRecord(await this.#exported());
  }

  async #evaluate(root: PreloadRoot): Promise<void> {
    const observed: Observed = {
      root,
      variables: new Set(),
      enumeratesVariables: false,
      missingGlobals: new Set(),
      countsListeners: false,
    };
    const before = { ...process.env };
    const began = performance.now();
    try {
      const { names, enumerated } = await withEnvRecord(root.after > 0 ? this.#task.appVariables : [], async () => {
        observed.missingGlobals = await withMissingGlobals(() =>
          withListenerCounts(
            () => (observed.countsListeners = true),
            () => this.#withMain(() => exportsOf(root).then(() => {})),
          ),
        );
      });
      observed.variables = names;
      observed.enumeratesVariables = enumerated;
    } catch (error) {
      this.spoil(`fails (${messageOf(error).split('\n')[0]})`);
    }
    const ms = performance.now() - began;
    const variables = changedVariables(before, process.env);
    const changes = this.#world.update();
    this.#preloaded.push({ target: root.target, ms, leavesTraces: variables.length > 0 || changes.length > 0 });
    if (root.after === 0) return;
    this.#observed.push(observed);
    this.#spoiled ??= this.#seenByEarlierFiles(root, variables, changes) ?? this.#readsOfApp(observed);
  }

  /** What a dependency changes shows too early to the app's files that a cold start evaluates before it. */
  #seenByEarlierFiles(
    { target, after }: PreloadRoot,
    variables: string[],
    changes: ObjectChange[],
  ): Misspeculation | undefined {
    const name = packageNameOf(target);
    if (variables.length > 0) {
      return { cause: `${name} sets ${list(variables)}, and is loaded after files of the app`, roots: [target] };
    }
    if (changes.length === 0) return undefined;
    for (const file of this.#task.order.slice(0, after)) {
      const text = textOf(file);
      const seen = changes.find((change) => mentions(text, change.name));
      if (seen) {
        return { cause: `${name} changes ${labelOf(seen)}, which ${file} may see`, roots: [target] };
      }
    }
    return undefined;
  }

  #readsOfApp({ root, variables }: Observed): Misspeculation | undefined {
    const read = this.#task.appVariables.filter((name) => variables.has(name));
    if (read.length === 0) return undefined;
    return {
      cause: `the app sets ${list(read)}, which ${packageNameOf(root.target)} reads`,
      roots: [root.target],
      file: this.#fileOf(read[0]),
    };
  }

  /** To be called when the app is about to be loaded. */
  beginLoad(): void {
    this.#folder = process.cwd();
    this.#listeners = listenersOf();
    this.#hooks.reset();
  }

  /** After the app was loaded: whether a cold start would have come to the same. `variables`: those that it has set. */
  validate(variables: readonly string[]): Misspeculation | undefined {
    if (this.#observed.length === 0) return undefined;
    return (
      this.#validateVariables(variables) ?? this.#validateWorld() ?? this.#validateProcess() ?? this.#validateExports()
    );
  }

  #validateVariables(variables: readonly string[]): Misspeculation | undefined {
    const readers = this.#observed.filter((one) => variables.some((name) => one.variables.has(name)));
    const [first] = readers;
    if (first) {
      const names = variables.filter((name) => first.variables.has(name));
      return {
        cause: `the app sets ${list(names)}, which ${packageNameOf(first.root.target)} reads`,
        roots: readers.map(({ root }) => root.target),
        file: this.#fileOf(names[0]),
      };
    }
    const unannounced = variables.filter((name) => !this.#task.appVariables.includes(name));
    if (unannounced.length === 0 || !this.#observed.some((one) => one.enumeratesVariables)) return undefined;
    // Next time the dependency sees the name, and either reads the variable or does not care.
    return { cause: `the app sets ${list(unannounced)} for the first time`, roots: [] };
  }

  #validateWorld(): Misspeculation | undefined {
    for (const change of this.#world.update()) {
      if (change.owner === 'globalThis' && change.isNew) {
        const readers = this.#observed.filter((one) => one.missingGlobals.has(change.name));
        if (readers.length === 0) continue;
        return {
          cause: `the app sets the global ${change.name}, which ${packageNameOf((readers[0] as Observed).root.target)} reads`,
          roots: readers.map(({ root }) => root.target),
          file: this.#fileOf(change.name),
        };
      }
      if (this.#isMadeLater(change)) continue;
      return { cause: `the app changes ${labelOf(change)}`, roots: 'speculated', file: this.#fileOf(change.name) };
    }
    return undefined;
  }

  /** The first file of the app that speaks of a name, most likely the one that sets it. */
  #fileOf(name = ''): string | undefined {
    return this.#task.order.find((file) => mentions(textOf(file), name));
  }

  /**
   * Whether only files of the app speak of it that a cold start evaluates after everything that was evaluated ahead,
   * as the body of an entry that is an ES module.
   */
  #isMadeLater({ name }: ObjectChange): boolean {
    const last = Math.max(...this.#observed.map(({ root }) => root.after));
    const { order } = this.#task;
    return (
      !order.slice(0, last).some((file) => mentions(textOf(file), name)) &&
      order.slice(last).some((file) => mentions(textOf(file), name))
    );
  }

  #validateProcess(): Misspeculation | undefined {
    if (process.cwd() !== this.#folder) return { cause: 'the app changes the working folder', roots: 'speculated' };
    if (this.#hooks.count > 0) return { cause: 'the app registers module hooks', roots: 'speculated' };
    const counters = this.#observed.filter((one) => one.countsListeners);
    if (counters.length === 0 || listenersOf() === this.#listeners) return undefined;
    return {
      cause: `the app listens to events of process, which ${packageNameOf((counters[0] as Observed).root.target)} looks at`,
      roots: counters.map(({ root }) => root.target),
    };
  }

  #validateExports(): Misspeculation | undefined {
    for (const { owner, name } of this.#exports?.update() ?? []) {
      const changed = owner.split('#')[0] as string;
      const users = this.#observed.filter(
        ({ root }) => packageNameOf(root.target) !== changed && usesPackage(root.target, changed),
      );
      if (users.length === 0) continue;
      return {
        cause: `the app changes ${owner.replace('#.', '.').replace('#', '')}.${name}, and ${packageNameOf((users[0] as Observed).root.target)} uses ${changed}`,
        roots: users.map(({ root }) => root.target),
        file: this.#fileOf(name),
      };
    }
    return undefined;
  }

  async #exported(): Promise<Map<object, string>> {
    const objects = new Map<object, string>();
    // Nobody can have noticed a change when everything comes before the app.
    if (this.#observed.length === 0 || this.#spoiled) return objects;
    for (const { target } of this.#preloaded) {
      const root = this.#task.roots.find((one) => one.target === target) as PreloadRoot;
      const exports = await exportsOf(root);
      for (const [object, owner] of exportedObjects(exports, `${packageNameOf(target)}#`)) {
        if (!objects.has(object)) objects.set(object, owner);
      }
    }
    return objects;
  }

  /**
   * In a CommonJS app `require.main` is there from the beginning. Until Node has made it, this stands in for it; who
   * looks into it can't be evaluated ahead.
   */
  async #withMain(task: () => Promise<void>): Promise<void> {
    if (!this.#task.hasMain) return task();
    const real = (): object => process.mainModule ?? {};
    const onLook = (): void => this.spoil('looks into require.main');
    process.mainModule = new Proxy({} as NodeJS.Module, {
      get: (_, key) => {
        onLook();
        return Reflect.get(real(), key) as unknown;
      },
      has: (_, key) => {
        onLook();
        return key in real();
      },
      ownKeys: () => {
        onLook();
        return [];
      },
    });
    try {
      await task();
    } finally {
      delete (process as { mainModule?: unknown }).mainModule;
    }
  }
}

/** Calls of module.register() and module.registerHooks(), which leave no trace that could be looked at. */
class HookCalls {
  count = 0;

  constructor() {
    const functions = Module as unknown as Record<string, unknown>;
    for (const name of ['register', 'registerHooks']) {
      const original = functions[name];
      if (typeof original !== 'function') continue;
      const count = (): void => void this.count++;
      const wrapper = {
        [name](this: unknown, ...args: unknown[]): unknown {
          count();
          return Reflect.apply(original, this, args);
        },
      };
      functions[name] = wrapper[name];
    }
    syncBuiltinESMExports();
  }

  reset(): void {
    this.count = 0;
  }
}

const COUNTERS = ['eventNames', 'listenerCount', 'listeners', 'rawListeners'] as const;

/** Calls `onCount` when the listeners of process are looked at while `task` runs. */
async function withListenerCounts(onCount: () => void, task: () => Promise<void>): Promise<void> {
  for (const name of COUNTERS) {
    const original = process[name] as (...args: unknown[]) => unknown;
    Object.defineProperty(process, name, {
      configurable: true,
      writable: true,
      value: (...args: unknown[]) => {
        onCount();
        return Reflect.apply(original, process, args);
      },
    });
  }
  try {
    await task();
  } finally {
    for (const name of COUNTERS) delete (process as Partial<typeof process>)[name];
  }
}

function listenersOf(): string {
  return process
    .eventNames()
    .map((name) => `${String(name)} ${process.listenerCount(name as 'exit')}`)
    .join();
}

function labelOf({ owner, name }: ObjectChange): string {
  return owner === 'globalThis' ? `the global ${name}` : `${owner}.${name}`;
}

/** Whether source code speaks of a name. */
function mentions(text: string, name: string): boolean {
  if (name === '' || !text.includes(name)) return false;
  return new RegExp(`(?<![\\w$])${name.replace(/[^\w]/g, String.raw`\$&`)}(?![\\w$])`).test(text);
}

function textOf(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return '';
  }
}

function list(names: readonly string[]): string {
  return names.length > 3 ? `${names.slice(0, 3).join(', ')} and ${names.length - 3} more` : names.join(', ');
}
