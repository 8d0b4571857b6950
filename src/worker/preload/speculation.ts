import { hasSubscribers } from 'node:diagnostics_channel';
import { packageNameOf } from '../../packages.ts';
import type { Misspeculation } from '../../protocol.ts';
import type { AppText } from './app-text.ts';
import { contentOf } from './file-record.ts';
import type { Observation } from './observe.ts';
import {
  changedEvents,
  changedSettings,
  countListeners,
  readSettings,
  type HookCalls,
  type Settings,
} from './process-record.ts';
import { labelOf, listed } from './wording.ts';
import type { World } from './world.ts';

/** Variables that Node itself reads. */
const READ_BY_NODE = new Set(['TZ', 'NODE_PATH']);

export interface SpeculationOptions {
  app: AppText;
  /** Environment variables that the app is known to set while it loads. */
  appVariables: readonly string[];
  world: World;
  hooks: HookCalls;
}

/**
 * What was evaluated before files of the app that a cold start evaluates first. It is right as long as neither side saw
 * what the other one changed of the world that all modules share (environment, globals, built-ins, hooks). Here what the
 * dependencies read of it is compared with what the app changes there while it loads.
 */
export class Speculation {
  readonly #options: SpeculationOptions;
  readonly #speculated: Observation[] = [];
  #atLoad: { settings: Settings; listeners: Map<string, number>; hooks: number } | undefined;

  constructor(options: SpeculationOptions) {
    this.#options = options;
  }

  /** One of them was evaluated. */
  add(observation: Observation): void {
    this.#speculated.push(observation);
  }

  /** To be called when the app is about to be loaded. */
  beginLoad(): void {
    this.#options.app.forget();
    this.#atLoad = { settings: readSettings(), listeners: countListeners(), hooks: this.#options.hooks.count };
  }

  /** After the app was loaded: whether a cold start would have come to the same. `variables`: those that it has set. */
  validate(variables: readonly string[]): Misspeculation | undefined {
    if (this.#speculated.length === 0) return undefined;
    return (
      this.#validateVariables(variables) ?? this.#validateWorld() ?? this.#validateProcess() ?? this.#validateFiles()
    );
  }

  #validateVariables(variables: readonly string[]): Misspeculation | undefined {
    const ofNode = variables.find((name) => READ_BY_NODE.has(name));
    if (ofNode) return this.#allSpeculated(`the app sets ${ofNode}`, ofNode);
    const conflict = this.#conflict(
      ({ reads }) => variables.filter((name) => reads.variables.has(name)),
      (names, reader) => `the app sets ${listed(names)}, which ${reader} reads`,
    );
    if (conflict) return conflict;
    const unannounced = variables.filter((name) => !this.#options.appVariables.includes(name));
    if (unannounced.length === 0 || !this.#speculated.some(({ reads }) => reads.listsVariables)) return undefined;
    // Next time the dependency sees the name, and either reads the variable or does not care.
    return { cause: `the app sets ${listed(unannounced)} for the first time`, roots: [] };
  }

  #validateWorld(): Misspeculation | undefined {
    for (const change of this.#options.world.update()) {
      const { owner, name, isNew } = change;
      const isNewGlobal = owner === 'globalThis' && isNew;
      if (name === undefined) return this.#allSpeculated(`the app changes ${labelOf(change)}`);
      const misspeculation = isNewGlobal
        ? this.#conflict(
            ({ reads: { globals } }) => (globals.enumerated || globals.missing.has(name) ? [name] : []),
            (_, reader) => `the app sets the global ${name}, which ${reader} reads`,
          )
        : this.#isMadeLater(name)
          ? undefined
          : this.#allSpeculated(`the app changes ${labelOf(change)}`, name);
      if (misspeculation) return misspeculation;
    }
    return undefined;
  }

  #validateProcess(): Misspeculation | undefined {
    if (!this.#atLoad) return undefined;
    const { settings, listeners, hooks } = this.#atLoad;
    const [setting] = changedSettings(settings, readSettings());
    if (setting) return this.#allSpeculated(`the app changes ${setting}`);
    if (this.#options.hooks.count > hooks) return this.#allSpeculated('the app registers module hooks', 'register');
    const events = changedEvents(listeners, countListeners());
    return (
      this.#conflict(
        ({ reads }) => events.filter((name) => reads.events.isOfAll || reads.events.names.has(name)),
        ([event], other) => `the app listens to ${event} of process, with which ${other} has to do while it loads`,
      ) ??
      this.#conflict(
        ({ reads }) => [...reads.channels].filter((name) => hasSubscribers(name)),
        ([channel], other) => `the app subscribes to ${channel}, on which ${other} publishes while it loads`,
      )
    );
  }

  #validateFiles(): Misspeculation | undefined {
    return this.#conflict(
      ({ reads }) => [...reads.files].flatMap(([file, content]) => (contentOf(file) === content ? [] : [file])),
      ([file], reader) => `${file} changes while the app is loaded, and ${reader} reads it`,
    );
  }

  /** The roots of which `find` finds something that they have to do with what the app has done. */
  #conflict(
    find: (observation: Observation) => string[],
    describe: (names: string[], packageName: string) => string,
  ): Misspeculation | undefined {
    const concerned = this.#speculated.filter((observation) => find(observation).length > 0);
    const [first] = concerned;
    if (!first) return undefined;
    const names = find(first);
    return {
      cause: describe(names, packageNameOf(first.root.target)),
      roots: concerned.map(({ root }) => root.target),
      file: this.#options.app.findName(names[0] as string),
    };
  }

  #allSpeculated(cause: string, name?: string): Misspeculation {
    return { cause, roots: 'speculated', file: name === undefined ? undefined : this.#options.app.findName(name) };
  }

  /**
   * Whether only files of the app speak of it that a cold start evaluates after everything that was evaluated ahead,
   * as the body of an entry that is an ES module.
   */
  #isMadeLater(name: string): boolean {
    const { app } = this.#options;
    const last = Math.max(...this.#speculated.map(({ root }) => root.after));
    return app.findName(name, 0, last) === undefined && app.findName(name, last) !== undefined;
  }
}
