import type { MessageOf, MessageToPrimary } from '../protocol.ts';
import type { HandoverResult, HandoverTask } from './handover-task.ts';
import { NextGeneration } from './next-generation.ts';
import { OldGeneration } from './old-generation.ts';
import { PhaseClock, type CaptureTime } from './phase-clock.ts';
import { Rollback } from './rollback.ts';

/**
 * Replaces the serving generation by the next: a transaction that ends in a commit or a rollback. On a rollback
 * the new worker is killed and the old one serves as before.
 */
export class Handover {
  readonly #task: HandoverTask;
  readonly #clock = new PhaseClock();
  readonly #old: OldGeneration;
  readonly #next: NextGeneration;

  constructor(task: HandoverTask) {
    this.#task = task;
    this.#old = new OldGeneration(task, this.#clock);
    this.#next = new NextGeneration(task);
    this.#clock.note('detect', task.detectMs);
    this.#clock.note('wait', performance.now() - task.began - task.detectMs);
  }

  async run(): Promise<HandoverResult> {
    const { worker } = this.#next;
    try {
      return await this.#transact();
    } catch (error) {
      if (!(error instanceof Rollback)) {
        worker.discard();
        throw error;
      }
      const { result } = error;
      // One that has not begun to load the app can do so for the next attempt.
      if (result.type !== 'aborted' || worker.loadingSince > 0) worker.discard();
      this.#old.resume({ isRetried: result.type !== 'failed' });
      return result;
    } finally {
      this.#old.release();
      this.#next.letGo();
    }
  }

  async #transact(): Promise<HandoverResult> {
    const { options, onStep, next: standby } = this.#task;
    const old = this.#old;
    const next = this.#next;
    // The old generation serves on while the new process boots, should it not have been warm.
    if (!next.worker.isBooted) await this.#clock.time('boot', () => next.reaches(['standby']));
    await this.#inspect();
    const { captureAt } = old;
    if (captureAt === 'load') await old.capture();
    if (!options.overlap) await old.end();
    this.#load(captureAt);
    let reached: MessageOf<MessageToPrimary, 'needs-state' | 'ready'> = await next.reaches(['needs-state', 'ready']);
    if (reached.type === 'needs-state') {
      onStep('prepared', next.worker);
      // It may go on before this process knows that it has the whole state.
      const answer = next.answer(['ready']);
      if (captureAt === 'need') await old.capture(next.worker);
      if (!old.isStateGiven) next.worker.giveState(old.state);
      reached = await next.inTime(answer);
    }
    if (options.waitReady) await next.saysReady();
    onStep('ready', next.worker);
    // The old generation has begun to use keep() meanwhile, of which the next one was not told.
    const hasStateNow = captureAt === 'never' && old.captureAt !== 'never';
    const misspeculation = hasStateNow ? { cause: '', roots: [] } : standby.verify();
    if (misspeculation) throw new Rollback({ type: 'misspeculated', misspeculation });
    return this.#commit(reached, captureAt);
  }

  /** The debuggers go over to the next generation before it loads anything, and before the old one has to rest. */
  async #inspect(): Promise<void> {
    const { inspector, signal, generation } = this.#task;
    await inspector?.follow(this.#next.worker, { generation, signal });
    if (signal.aborted) throw Rollback.aborted();
  }

  #load(captureAt: CaptureTime): void {
    const { options, generation, router, changed, onStep } = this.#task;
    const { worker } = this.#next;
    const { state } = this.#old;
    worker.generation = generation;
    worker.loadingSince = Date.now();
    worker.send({
      type: 'load',
      generation,
      isRestart: generation > 1 || state !== undefined,
      restartArgs: generation > 1 ? options.restartArgs : [],
      mustListen: router.ports.isListening,
      stateFollows: captureAt === 'need' || state !== undefined,
      changed,
    });
    onStep('loading', worker);
  }

  #commit({ phases, variables }: MessageOf<MessageToPrimary, 'ready'>, captureAt: CaptureTime): HandoverResult {
    const { router, options, onStep, began } = this.#task;
    const { worker } = this.#next;
    const { state, stateKeys, pausedAt, connectionsMoved } = this.#old;
    const now = performance.now();
    // In one turn of the event loop: there is never a moment at which both or none could serve.
    worker.send({ type: 'committed', checkpointInterval: options.checkpointInterval });
    router.serve(worker);
    onStep('committed', worker);
    return {
      type: 'committed',
      phases: this.#clock.phases(phases, captureAt, now - began),
      variables,
      pauseMs: pausedAt === undefined ? 0 : now - pausedAt,
      totalMs: now - began,
      stateBytes: state?.length ?? 0,
      stateKeys,
      connectionsMoved,
    };
  }
}
