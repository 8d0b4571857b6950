import { setTimeout as delay } from 'node:timers/promises';

const SIGNALS: readonly NodeJS.Signals[] = ['SIGINT', 'SIGTERM', 'SIGHUP'];

/** How long a signal that reached this process waits for the primary's word, in milliseconds. */
const PRIMARY_GRACE = 250;

/**
 * A terminal sends Ctrl+C to every process of the group. The primary decides what it means; a worker that the
 * signal reaches only notes it. The app's own listeners hear it as in any process, and once.
 */
export class WorkerSignals {
  readonly #seen = new Set<NodeJS.Signals>();
  #expected = false;

  constructor() {
    for (const signal of SIGNALS) process.on(signal, this.#note);
  }

  /** Whether the app itself handles a signal. */
  appHandles(signal: NodeJS.Signals): boolean {
    const others = process.listeners(signal).filter((listener) => listener !== this.#note);
    return others.length > exitHooks();
  }

  /** The primary has spoken: it is ending this process. */
  expect(): void {
    this.#expected = true;
  }

  /** Lets the app's listeners hear a signal that the primary got, unless they have heard it already. */
  async deliver(signal: NodeJS.Signals): Promise<void> {
    this.#expected = true;
    // A signal of the terminal was sent to both processes before the primary could tell: one turn lets it arrive.
    await new Promise((resolve) => setImmediate(resolve));
    if (!this.#seen.has(signal)) process.kill(process.pid, signal);
  }

  /** Ends this process by a signal, as if we had never listened for it. */
  die(signal: NodeJS.Signals): void {
    process.off(signal, this.#note);
    process.kill(process.pid, signal);
  }

  readonly #note = async (signal: NodeJS.Signals): Promise<void> => {
    // Its listeners have heard it and gone, as those of Nest, which then send it once more for it to end the process.
    if (this.#seen.has(signal) && !this.appHandles(signal)) return this.die(signal);
    this.#seen.add(signal);
    await delay(PRIMARY_GRACE, undefined, { ref: false });
    // It was meant for this process alone.
    if (!this.#expected && !this.appHandles(signal)) this.die(signal);
  };
}

/**
 * The package `signal-exit`, in many dependency trees, listens for every signal only to learn of the exit; it leaves
 * the decision to others when there are others, and counts itself in this way.
 */
function exitHooks(): number {
  const holder = process as unknown as Record<string | symbol, { count?: number } | undefined>;
  const [version3, version4] = [
    holder['__signal_exit_emitter__'],
    (globalThis as unknown as typeof holder)[Symbol.for('signal-exit emitter')],
  ];
  return (version3?.count ?? 0) + (version4?.count ?? 0);
}
