import type { RestarterEvents } from './events.ts';
import { retire, type Drain, type Retirement, type RetireTimeouts } from './retire.ts';
import type { WorkerHandle } from './worker-handle.ts';

export interface RetirementsOptions {
  timeouts: RetireTimeouts;
  emit: <E extends 'draining' | 'drained'>(event: E, ...detail: RestarterEvents[E]) => void;
}

/** The generations that are being ended. Each of their ends is told of. */
export class Retirements {
  readonly #options: RetirementsOptions;
  readonly #pending = new Set<Promise<Retirement>>();
  /** Those that take long to end, and what for. */
  readonly #lingering = new Map<WorkerHandle, string[]>();

  constructor(options: RetirementsOptions) {
    this.#options = options;
  }

  /** Ends a generation (see retire). */
  async retire(worker: WorkerHandle, drain: Drain): Promise<Retirement> {
    const { timeouts, emit } = this.#options;
    const pending = retire(worker, drain, timeouts, (waitsFor) => {
      this.#lingering.set(worker, waitsFor);
      this.#tell(worker, waitsFor);
    });
    this.#pending.add(pending);
    const retirement = await pending;
    this.#pending.delete(pending);
    this.#lingering.delete(worker);
    const { generation, pid } = worker;
    const { ended, report } = retirement;
    emit('drained', { generation, pid, ended, report });
    return retirement;
  }

  /** Resolves when all have ended. Whoever waits for that is told anew what for. */
  async ended(): Promise<void> {
    for (const [worker, waitsFor] of this.#lingering) this.#tell(worker, waitsFor);
    await Promise.all(this.#pending);
  }

  #tell({ generation, pid }: WorkerHandle, waitsFor: string[]): void {
    this.#options.emit('draining', { generation, pid, waitsFor });
  }
}
