import { toMilliseconds, type Duration } from '../duration.ts';
import { HandoverError } from '../errors.ts';
import { checkComponent, type ComponentReport, type ShutdownComponent } from './shutdown-component.ts';

export type { ComponentReport, ShutdownComponent } from './shutdown-component.ts';

type Outcome = { outcome: 'ended' | 'timedOut' } | { outcome: 'failed'; error: unknown };

const DEFAULT_SHUTDOWN_TIMEOUT = '10s';

/**
 * Ends the parts of a program in order and in bounded time: `shutdown` of each is called, the latest registered
 * first, then `join` of each; a component has ended when what both returned has settled. A component that throws,
 * rejects or takes too long never keeps the others from ending.
 *
 * Time limits need the event loop: a component that blocks it (a busy loop, a synchronous call) can't be
 * interrupted, and delays all others.
 */
export class GracefulShutdownManager {
  readonly #timeout: number;
  readonly #components = new Map<string, ShutdownComponent>();
  readonly #report: ComponentReport[] = [];
  readonly #pending = new Set<Promise<void>>();
  readonly #awaited = new Set<ShutdownComponent>();
  #state: 'idle' | 'shutting down' | 'over' = 'idle';
  #began = 0;
  #ended: Promise<boolean> | undefined;

  /**
   * @param options.shutdownTimeout the time for all components together: milliseconds or an `ms` string, default `'10s'`
   * @throws HandoverError INVALID_OPTION when that is no duration
   */
  constructor({ shutdownTimeout = DEFAULT_SHUTDOWN_TIMEOUT }: { shutdownTimeout?: Duration } = {}) {
    this.#timeout = toMilliseconds(shutdownTimeout, 'shutdownTimeout');
  }

  /** How the components ended, in the order in which they did; complete when `initiateShutdown()` has resolved. */
  get report(): readonly ComponentReport[] {
    return this.#report;
  }

  /** The names of the components whose end is awaited just now. */
  get waitsFor(): string[] {
    return Array.from(this.#awaited, ({ name }) => name);
  }

  /**
   * Adds a component; returns a function that takes it out again. During a shutdown a component is asked to end at
   * once, and the shutdown waits for it too.
   *
   * @throws HandoverError INVALID_OPTION for a wrong shape or a name that is taken, ALREADY_STARTED when the shutdown
   * is over
   */
  registerComponent(component: ShutdownComponent): () => void {
    checkComponent(component);
    const { name } = component;
    if (this.#components.has(name)) {
      throw new HandoverError(
        'INVALID_OPTION',
        `registerComponent(${JSON.stringify(name)}): the name is taken; give each component its own`,
      );
    }
    if (this.#state === 'over') {
      throw new HandoverError(
        'ALREADY_STARTED',
        `registerComponent(${JSON.stringify(name)}): the shutdown is over, nothing would end it; make a new GracefulShutdownManager`,
      );
    }
    this.#components.set(name, component);
    if (this.#state === 'shutting down') this.#end([component]);
    return () => {
      // The name may belong to another component by now.
      if (this.#components.get(name) === component) this.#components.delete(name);
    };
  }

  /** Ends every component. Resolves with whether all ended in time and without an error. Further calls return the same promise. */
  initiateShutdown(): Promise<boolean> {
    if (this.#ended) return this.#ended;
    let finish!: (ended: boolean) => void;
    // The promise exists before the first component runs, since a component may call this again.
    this.#ended = new Promise((resolve) => (finish = resolve));
    void this.#shutDown().then(finish);
    return this.#ended;
  }

  async #shutDown(): Promise<boolean> {
    this.#state = 'shutting down';
    this.#began = performance.now();
    this.#end([...this.#components.values()].toReversed());
    while (this.#pending.size > 0) await Promise.all(this.#pending);
    this.#state = 'over';
    return this.#report.every(({ outcome }) => outcome === 'ended');
  }

  #end(components: ShutdownComponent[]): void {
    const joins = components.map((component) => {
      const shutdown = call(() => component.shutdown?.());
      return () => this.#await(component, [shutdown, call(() => component.join?.())]);
    });
    for (const join of joins) {
      const ending: Promise<void> = join().finally(() => this.#pending.delete(ending));
      this.#pending.add(ending);
    }
  }

  async #await(component: ShutdownComponent, calls: Promise<unknown>[]): Promise<void> {
    const { name, timeout } = component;
    this.#awaited.add(component);
    const elapsed = performance.now() - this.#began;
    const own = timeout === undefined ? this.#timeout : toMilliseconds(timeout, 'timeout');
    const result = await outcomeOf(calls, Math.max(0, Math.min(own, this.#timeout - elapsed)));
    this.#awaited.delete(component);
    this.#report.push({ name, ...result, milliseconds: Math.round(performance.now() - this.#began) });
  }
}

/** Calls at once; a throw becomes a rejection. */
async function call(callback: () => unknown): Promise<unknown> {
  return callback();
}

/** How the calls of a component went; a failure wins over a timeout, which it explains. */
function outcomeOf(calls: Promise<unknown>[], milliseconds: number): Promise<Outcome> {
  return new Promise((resolve) => {
    let failure: Outcome | undefined;
    const timer = setTimeout(() => resolve(failure ?? { outcome: 'timedOut' }), milliseconds);
    const settled = calls.map((result) =>
      result.catch((error: unknown) => {
        failure ??= { outcome: 'failed', error };
      }),
    );
    void Promise.all(settled).then(() => {
      clearTimeout(timer);
      resolve(failure ?? { outcome: 'ended' });
    });
  });
}
