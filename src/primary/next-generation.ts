import type { MessageOf, MessageToPrimary } from '../protocol.ts';
import { withTimeout } from '../timers.ts';
import type { HandoverTask } from './handover-task.ts';
import { Rollback } from './rollback.ts';
import { endedEarly, notReady, notSaidReady, unstarted } from './start-errors.ts';
import type { Outcome, WorkerExit, WorkerHandle } from './worker-handle.ts';

/** What the next generation says on its way. */
type NextMessage = MessageOf<MessageToPrimary, 'standby' | 'needs-state' | 'ready' | 'failed' | 'misspeculated'>;
type Milestone = 'standby' | 'needs-state' | 'ready';
type Answer<T extends Milestone> = Outcome<T | 'failed' | 'misspeculated'>;

/** The generation that is to replace another one, on its way until it could. Whatever keeps it from that is a Rollback. */
export class NextGeneration {
  readonly worker: WorkerHandle;
  readonly #task: HandoverTask;
  readonly #saysReady = new AbortController();

  constructor(task: HandoverTask) {
    this.#task = task;
    this.worker = task.next.worker;
    this.worker.on('appMessage', this.#onAppMessage);
  }

  /** It lives on; it must not hold this handover, and with it the one before it, and so on. */
  letGo(): void {
    this.worker.off('appMessage', this.#onAppMessage);
  }

  /** Waits for the first of these, each time for readyTimeout. */
  async reaches<T extends Milestone>(milestones: readonly T[]): Promise<MessageOf<NextMessage, T>> {
    return await this.inTime(this.answer(milestones));
  }

  /** What it says first of these, or that it never will. */
  answer<T extends Milestone>(milestones: readonly T[]): Promise<Answer<T>> {
    return this.worker.waitFor([...milestones, 'failed', 'misspeculated'], { signal: this.#task.signal });
  }

  /** Within readyTimeout from now on. */
  async inTime<T extends Milestone>(answer: Promise<Answer<T>>): Promise<MessageOf<NextMessage, T>> {
    const { options, router, generation } = this.#task;
    const timeout = (): { type: 'timeout' } => ({ type: 'timeout' });
    let outcome: Outcome<NextMessage['type']>;
    do outcome = await withTimeout<typeof outcome>(answer, options.readyTimeout, timeout);
    while (outcome.type === 'timeout' && this.#isDebugged);
    switch (outcome.type) {
      case 'failed':
        throw Rollback.failed(outcome.error);
      case 'misspeculated':
        throw new Rollback({ type: 'misspeculated', misspeculation: outcome.misspeculation });
      case 'ended':
        throw this.#endedEarly(outcome.exit);
      case 'timeout': {
        const shouldListen = router.ports.isListening && !router.ports.listens(this.worker);
        throw Rollback.failed(notReady(generation, options.readyTimeout, { shouldListen }));
      }
      case 'aborted':
        throw Rollback.aborted();
      default:
        return outcome as MessageOf<NextMessage, T>;
    }
  }

  /** `waitReady`: the app says process.send('ready'), as under PM2. */
  async saysReady(): Promise<void> {
    const { options, signal, generation } = this.#task;
    if (this.#saysReady.signal.aborted) return;
    // Not AbortSignal.any(): in Node 20 it holds on to what it was made of.
    const either = new AbortController();
    const abort = (): void => either.abort();
    const signals = [signal, this.#saysReady.signal];
    for (const one of signals) one.addEventListener('abort', abort);
    if (signal.aborted) abort();
    let outcome: Outcome<never>;
    do outcome = await this.worker.waitFor([], { timeout: options.readyTimeout, signal: either.signal });
    while (outcome.type === 'timeout' && this.#isDebugged);
    for (const one of signals) one.removeEventListener('abort', abort);
    if (outcome.type === 'ended') throw this.#endedEarly(outcome.exit);
    if (signal.aborted) throw Rollback.aborted();
    if (outcome.type === 'timeout') throw Rollback.failed(notSaidReady(generation, options.readyTimeout));
  }

  readonly #onAppMessage = (message: unknown): void => {
    if (message === 'ready') this.#saysReady.abort();
  };

  /** Then it takes the time that a person takes. */
  get #isDebugged(): boolean {
    return this.#task.inspector?.isAttached ?? false;
  }

  #endedEarly(exit: WorkerExit): Rollback {
    const { generation, wasKilled } = this.#task;
    const { startError } = this.worker;
    if (startError) return Rollback.failed(unstarted(generation, startError));
    if (exit.signal && !wasKilled) return new Rollback({ type: 'killed', signal: exit.signal });
    return Rollback.failed(endedEarly(generation, exit));
  }
}
