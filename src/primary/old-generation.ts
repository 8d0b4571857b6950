import { countNames } from '../count-names.ts';
import type { MessageOf, MessageToPrimary, StateKey } from '../protocol.ts';
import { withTimeout } from '../timers.ts';
import type { HandoverTask } from './handover-task.ts';
import type { CaptureTime, PhaseClock } from './phase-clock.ts';
import { Rollback } from './rollback.ts';
import { notCaptured } from './start-errors.ts';
import type { StateArrival } from './state-arrival.ts';
import type { StateBytes } from './state-bytes.ts';
import type { Outcome, WorkerHandle } from './worker-handle.ts';

/**
 * The generation that serves while a handover replaces it, if there is one: it comes to rest and gives its state, or ends;
 * after a rollback it serves on. Without it the state is the last that is known.
 */
export class OldGeneration {
  readonly #task: HandoverTask;
  readonly #clock: PhaseClock;
  #state: StateBytes | undefined;
  #isGone: boolean;
  /** What it has kept, as a person may see it. */
  stateKeys: StateKey[] = [];
  /** The next generation has been given the state while it came. */
  isStateGiven = false;
  /** Since when nothing serves, as performance.now() tells. */
  pausedAt: number | undefined;
  /** Connections that it has handed back at its end. */
  connectionsMoved = 0;

  constructor(task: HandoverTask, clock: PhaseClock) {
    this.#task = task;
    this.#clock = clock;
    this.#state = task.state?.hold();
    this.#isGone = task.old === undefined;
    this.pausedAt = task.quiescedAt;
  }

  /** To be held by whoever uses it after release(). */
  get state(): StateBytes | undefined {
    return this.#state;
  }

  /** The last moment at which the next generation can still take the state. */
  get captureAt(): CaptureTime {
    const { old, options } = this.#task;
    if (!old) return 'never';
    const { keeps, saves, pauses, steps } = old.carries;
    // Without steps background work may begin anywhere in the app's code.
    if (!options.overlap || (pauses && !steps)) return 'load';
    return keeps || saves || pauses ? 'need' : 'never';
  }

  /** Holds connections, waits for the requests in flight and takes its state, for which `to` waits. */
  async capture(to?: WorkerHandle): Promise<void> {
    const { old, router, options, signal, quiescedAt } = this.#task;
    const isQuiesced = quiescedAt !== undefined;
    if (!old || this.#isGone) return;
    this.pausedAt ??= performance.now();
    router.hold();
    if (!isQuiesced) old.send({ type: 'quiesce' });
    const id = old.capture(to);
    const began = performance.now();
    const quiesced = old.waitFor(['quiesced'], { signal }).then((outcome) => {
      this.#clock.note('quiesce', performance.now() - began);
      return outcome;
    });
    const captured = await old.waitFor(['captured', 'capture-failed'], {
      timeout: options.quiesceTimeout + options.readyTimeout,
      signal,
      // That of a handover that was given up may come late.
      passes: (message) => message.id === id,
    });
    switch (captured.type) {
      case 'captured':
        await this.#take(old, captured, isQuiesced ? undefined : await quiesced);
        this.#clock.note('capture', performance.now() - began - this.#clock.of('quiesce'));
        break;
      case 'capture-failed':
        throw Rollback.failed(notCaptured(old.generation, captured.error.message));
      case 'aborted':
        throw Rollback.aborted();
      case 'timeout':
        this.#onBlocked(old);
        break;
      case 'ended':
        this.#onDied(old);
        break;
      default:
        captured satisfies never;
    }
  }

  /** `overlap: false`: it has ended before the next generation loads. */
  async end(): Promise<void> {
    const { old, router, retirements } = this.#task;
    if (!old || this.#isGone) return;
    this.pausedAt ??= performance.now();
    router.hold();
    this.#isGone = true;
    const { moved } = await retirements.retire(old, { type: 'drain', move: true, relay: false });
    this.connectionsMoved = moved;
  }

  /** After a rollback. `isRetried`: another handover follows at once. */
  resume({ isRetried }: { isRetried: boolean }): void {
    const { old, router, inspector, options } = this.#task;
    if (!old || this.#isGone) return;
    inspector?.return(old);
    // `fresh`: the old code must not answer in between either.
    if (this.pausedAt === undefined || (options.fresh && isRetried)) return;
    old.send({ type: 'resume' });
    router.release();
  }

  /** The state is not needed here any more. */
  release(): void {
    this.#state?.release();
  }

  async #take(
    old: WorkerHandle,
    { id, blob, problems, keys }: MessageOf<MessageToPrimary, 'captured'>,
    quiesced: Outcome<'quiesced'> | undefined,
  ): Promise<void> {
    const { onState, onStep, warn } = this.#task;
    if (quiesced?.type === 'quiesced') {
      for (const request of countNames(quiesced.outlived))
        warn(`${request} was still being handled when the state was captured`);
    }
    onStep('quiesced', old);
    for (const problem of problems) warn(`not carried over: ${problem}`);
    if (blob) {
      const arrived = await this.#arrived(old, id);
      if (arrived === 'aborted') throw Rollback.aborted();
      if (arrived === 'timeout' || !arrived) {
        if (arrived) this.#onBlocked(old);
        else this.#onDied(old);
        return;
      }
      this.#state?.release();
      this.#state = arrived.state;
      this.stateKeys = keys;
      this.isStateGiven = arrived.isForwarded;
      onState(arrived.state, old.generation);
    }
    onStep('captured', old);
  }

  /** undefined: it has died before all of its state had come. */
  async #arrived(old: WorkerHandle, id: number): Promise<StateArrival | 'aborted' | 'timeout' | undefined> {
    const { options, signal } = this.#task;
    const taking = old.takeState(id);
    const aborted = new Promise<'aborted'>((resolve) => {
      if (signal.aborted) resolve('aborted');
      else signal.addEventListener('abort', () => resolve('aborted'), { once: true });
    });
    type Arrival = Awaited<typeof taking> | 'aborted' | 'timeout';
    const outcome = await withTimeout<Arrival>(Promise.race([taking, aborted]), options.readyTimeout, () => 'timeout');
    if (typeof outcome === 'string') void taking.then((late) => late?.state.release());
    return outcome;
  }

  #onBlocked(old: WorkerHandle): void {
    this.#task.warn(
      `generation ${old.generation} did not answer (is its event loop blocked?): it was killed, its last checkpoint is used`,
    );
    old.discard();
    this.#isGone = true;
  }

  #onDied({ generation }: WorkerHandle): void {
    this.#task.warn(`generation ${generation} died while its state was captured: its last checkpoint is used`);
    this.#isGone = true;
  }
}
