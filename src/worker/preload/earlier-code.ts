import { packageNameOf } from '../../packages.ts';
import type { MessageOf, MessageToWorker, Misspeculation, PreloadRoot } from '../../protocol.ts';
import type { AppText } from './app-text.ts';
import type { Observation } from './observe.ts';
import { packagesUsedBy, usesAnyOf } from './package-graph.ts';
import { labelOf, listed } from './wording.ts';

/** What changes how modules are loaded, those of the app too: a cold start has loaded some by then. */
const LOADER = new Set(['node:module', 'Module.prototype', 'require.extensions']);

/**
 * What a cold start evaluates before a root, and a standby does not: files of the app, and roots that are left to it.
 * Tells, before the app is loaded, whether a root has to do with these: what it reads and changes of the world that all
 * modules share is compared with the source of the files. A root that uses a package which they use, too, is not
 * evaluated ahead: what packages keep to themselves shows nowhere.
 */
export class EarlierCode {
  readonly #task: MessageOf<MessageToWorker, 'preload'>;
  readonly #app: AppText;
  /** Variables that roots have set: the app does not set these any more. */
  readonly #setByRoots = new Set<string>();
  /** The packages that roots use which are left to the app: what follows must have nothing to do with those. */
  readonly #leftPackages = new Set<string>();

  constructor(task: MessageOf<MessageToWorker, 'preload'>, app: AppText) {
    this.#task = task;
    this.#app = app;
  }

  /** Variables that the app sets before a root, as far as its files tell. */
  setBefore({ after }: PreloadRoot): string[] {
    return this.#task.appVariables.filter(
      (name) => this.#app.findName(name, 0, after) !== undefined || this.#app.findName(name) === undefined,
    );
  }

  /** A root is left to the app. */
  leave({ target }: PreloadRoot): void {
    for (const name of packagesUsedBy(target)) this.#leftPackages.add(name);
  }

  /** Something was evaluated ahead. */
  noteChanges({ changes }: Observation): void {
    for (const name of changes.variables) this.#setByRoots.add(name);
  }

  /** Why a root that was evaluated must not come first; undefined: as far as can be told it may. */
  conflictWith(observation: Observation): Misspeculation | undefined {
    return this.#seesChanges(observation) ?? this.#setsWhatIsRead(observation) ?? this.#unseen(observation.root);
  }

  /** What a dependency changes shows too early to the files of the app that a cold start evaluates before it. */
  #seesChanges({ root, changes, hasWaited }: Observation): Misspeculation | undefined {
    const { target } = root;
    // Files that do not import it do not wait for it.
    const after = hasWaited ? this.#task.order.length : root.after;
    const name = packageNameOf(target);
    const roots = [target];
    const [variable] = changes.variables;
    if (variable)
      return { cause: `${name} sets ${listed(changes.variables)}, and files of the app come before it`, roots };
    const [setting] = changes.settings;
    if (setting) return { cause: `${name} changes ${setting}, and files of the app come before it`, roots };
    const [channel] = changes.channels;
    if (channel) return { cause: `${name} subscribes to ${channel}, and files of the app come before it`, roots };
    for (const event of changes.events) {
      const file = this.#app.findString(event, 0, after);
      if (file) return { cause: `${name} listens to ${event}, which a file of the app before it may see`, roots, file };
    }
    for (const change of changes.objects) {
      if (change.name === undefined || LOADER.has(change.owner))
        return { cause: `${name} changes ${labelOf(change)}, and files of the app come before it`, roots };
      const file = this.#app.findName(change.name, 0, after);
      if (file)
        return { cause: `${name} changes ${labelOf(change)}, which a file of the app before it may see`, roots, file };
    }
    return undefined;
  }

  /** A dependency reads what the app sets, as far as is known from earlier generations. */
  #setsWhatIsRead({ root: { target }, reads }: Observation): Misspeculation | undefined {
    const read = this.#task.appVariables.filter((name) => reads.variables.has(name) && !this.#setByRoots.has(name));
    if (read.length === 0) return undefined;
    return {
      cause: `the app sets ${listed(read)}, which ${packageNameOf(target)} reads`,
      roots: [target],
      file: this.#app.findName(read[0] as string),
    };
  }

  /** What they may have done that nobody can see. */
  #unseen({ target, after, used: count }: PreloadRoot): Misspeculation | undefined {
    const roots = [target];
    const file = this.#app.findUntracked(after);
    if (file) return { cause: 'the app looks into the loaded modules or into V8', roots: 'speculated', file };
    const shared = usesAnyOf(target, new Set(this.#task.uses.slice(0, count)));
    if (shared === undefined) {
      const passed = usesAnyOf(target, this.#leftPackages);
      if (passed === undefined) return undefined;
      return { cause: `${packageNameOf(target)} uses ${passed}, as others do that are not preloaded`, roots };
    }
    return { cause: `${packageNameOf(target)} uses ${shared}, as files of the app do before it is loaded`, roots };
  }
}
