import { countNames } from '../count-names.ts';
import { toWireError, type MessageOf, type MessageToPrimary, type StateKey, type WireError } from '../protocol.ts';
import { withTimeout } from '../timeout.ts';
import type { HandoverResult, HandoverTask } from './handover-task.ts';
import { PhaseClock, type CaptureTime } from './phase-clock.ts';
import { endedEarly, notCaptured, notReady, notSaidReady, unstarted } from './start-errors.ts';
import type { StateArrival } from './state-arrival.ts';
import type { StateBytes } from './state-bytes.ts';
import type { Outcome, WorkerExit, WorkerHandle } from './worker-handle.ts';

/** What the next generation says on its way. */
type NextMessage = MessageOf<MessageToPrimary, 'standby' | 'needs-state' | 'ready' | 'failed' | 'misspeculated'>;

/** Ends a handover before its commit. */
class Rollback extends Error {
  readonly result: HandoverResult;

  constructor(result: HandoverResult) {
    super(result.type);
    this.result = result;
  }
}

/**
 * Replaces the serving generation by the next: a transaction that ends in a commit or a rollback. On a rollback
 * the new worker is killed and the old one serves as before.
 */
export class Handover {
  readonly #task: HandoverTask;
  readonly #next: WorkerHandle;
  #pausedAt: number | undefined;
  #state: StateBytes | undefined;
  #stateKeys: StateKey[] = [];
  /** The next generation has been given the state while it came. */
  #isStateGiven = false;
  #isOldGone: boolean;
  #connectionsMoved = 0;
  readonly #appIsReady = new AbortController();
  readonly #clock = new PhaseClock();

  constructor(task: HandoverTask) {
    this.#task = task;
    this.#next = task.next.worker;
    this.#state = task.state?.hold();
    this.#isOldGone = task.old === undefined;
    this.#pausedAt = task.quiescedAt;
    this.#clock.note('detect', task.detectMs);
    this.#clock.note('wait', performance.now() - task.began - task.detectMs);
  }

  async run(): Promise<HandoverResult> {
    this.#next.on('appMessage', this.#onAppMessage);
    try {
      return await this.#transact();
    } catch (error) {
      if (!(error instanceof Rollback)) {
        this.#next.discard();
        throw error;
      }
      // One that has not begun to load the app can do so for the next attempt.
      if (error.result.type !== 'aborted' || this.#next.loadingSince > 0) this.#next.discard();
      // `fresh`: when another attempt follows, the old code must not answer in between either.
      const isRetried = error.result.type !== 'failed';
      const { old, inspector } = this.#task;
      if (old && !this.#isOldGone) inspector?.return(old);
      if (!(this.#task.options.fresh && isRetried)) this.#resumeOld();
      return error.result;
    } finally {
      this.#state?.release();
      // The generation lives on; it must not hold this handover, and with it the one before it, and so on.
      this.#next.off('appMessage', this.#onAppMessage);
    }
  }

  readonly #onAppMessage = (message: unknown): void => {
    if (message === 'ready') this.#appIsReady.abort();
  };

  #resumeOld(): void {
    const { old, router } = this.#task;
    if (!old || this.#isOldGone || this.#pausedAt === undefined) return;
    old.send({ type: 'resume' });
    router.release();
  }

  async #transact(): Promise<HandoverResult> {
    const { options, generation, router } = this.#task;
    const next = this.#next;
    // The old generation serves on while the new process boots, should it not have been warm.
    if (!next.isBooted) await this.#clock.time('boot', () => this.#waitForNext(['standby']));
    await this.#inspect();
    const captureAt = this.#captureAt();
    if (captureAt === 'load') await this.#capture();
    if (!options.overlap) await this.#endOld();
    next.generation = generation;
    next.loadingSince = Date.now();
    next.send({
      type: 'load',
      generation,
      isRestart: generation > 1 || this.#state !== undefined,
      restartArgs: generation > 1 ? options.restartArgs : [],
      mustListen: router.ports.isListening,
      stateFollows: captureAt === 'need' || this.#state !== undefined,
      changed: this.#task.changed,
    });
    this.#task.onStep('loading', next);
    let reached: MessageOf<NextMessage, 'needs-state' | 'ready'> = await this.#waitForNext(['needs-state', 'ready']);
    if (reached.type === 'needs-state') {
      this.#task.onStep('prepared', next);
      // It may go on before this process knows that it has the whole state.
      const answer = this.#answerOfNext(['ready']);
      if (captureAt === 'need') await this.#capture(next);
      if (!this.#isStateGiven) next.giveState(this.#state);
      reached = await this.#inTime(answer);
    }
    if (options.waitReady) await this.#waitForApp();
    this.#task.onStep('ready', next);
    // The old generation has begun to use keep() meanwhile, of which the next one was not told.
    const hasStateNow = captureAt === 'never' && this.#captureAt() !== 'never';
    const misspeculation = hasStateNow ? { cause: '', roots: [] } : this.#task.next.verify();
    if (misspeculation) throw new Rollback({ type: 'misspeculated', misspeculation });
    return this.#commit(reached, captureAt);
  }

  /** The debuggers go over to the next generation before it loads anything, and before the old one has to rest. */
  async #inspect(): Promise<void> {
    const { inspector, signal, generation } = this.#task;
    await inspector?.follow(this.#next, { generation, signal });
    if (signal.aborted) throw new Rollback({ type: 'aborted' });
  }

  /** Then it takes the time that a person takes. */
  get #isDebugged(): boolean {
    return this.#task.inspector?.isAttached ?? false;
  }

  /** The last moment at which the next generation can still take the state. */
  #captureAt(): CaptureTime {
    const { old, options } = this.#task;
    if (!old) return 'never';
    const { keeps, saves, pauses, steps } = old.carries;
    // Without steps background work may begin anywhere in the app's code.
    if (!options.overlap || (pauses && !steps)) return 'load';
    return keeps || saves || pauses ? 'need' : 'never';
  }

  /** Holds connections, waits for the requests in flight and takes the old generation's state, which `to` waits for. */
  async #capture(to?: WorkerHandle): Promise<void> {
    const { old, router, options, signal, quiescedAt } = this.#task;
    const isQuiesced = quiescedAt !== undefined;
    if (!old || this.#isOldGone) return;
    this.#pausedAt ??= performance.now();
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
        await this.#takeState(id, captured, isQuiesced ? undefined : await quiesced);
        this.#clock.note('capture', performance.now() - began - this.#clock.of('quiesce'));
        break;
      case 'capture-failed':
        throw this.#failure(notCaptured(old.generation, captured.error.message));
      case 'aborted':
        throw new Rollback({ type: 'aborted' });
      case 'timeout':
        this.#onOldBlocked(old);
        break;
      case 'ended':
        this.#onOldDied(old);
        break;
      default:
        captured satisfies never;
    }
  }

  #onOldBlocked(old: WorkerHandle): void {
    this.#task.warn(
      `generation ${old.generation} did not answer (is its event loop blocked?): it was killed, its last checkpoint is used`,
    );
    old.discard();
    this.#isOldGone = true;
  }

  #onOldDied({ generation }: WorkerHandle): void {
    this.#task.warn(`generation ${generation} died while its state was captured: its last checkpoint is used`);
    this.#isOldGone = true;
  }

  async #takeState(
    id: number,
    { blob, problems, keys }: MessageOf<MessageToPrimary, 'captured'>,
    quiesced: Outcome<'quiesced'> | undefined,
  ): Promise<void> {
    const { old, onState, onStep, warn } = this.#task;
    if (!old) return;
    if (quiesced?.type === 'quiesced') {
      for (const request of countNames(quiesced.outlived))
        warn(`${request} was still being handled when the state was captured`);
    }
    onStep('quiesced', old);
    for (const problem of problems) warn(`not carried over: ${problem}`);
    if (blob) {
      const arrived = await this.#arrived(old, id);
      if (arrived === 'aborted') throw new Rollback({ type: 'aborted' });
      if (arrived === 'timeout' || !arrived) {
        if (arrived) this.#onOldBlocked(old);
        else this.#onOldDied(old);
        return;
      }
      this.#state?.release();
      this.#state = arrived.state;
      this.#stateKeys = keys;
      this.#isStateGiven = arrived.isForwarded;
      onState(arrived.state, old.generation);
    }
    onStep('captured', old);
  }

  /** undefined: the old generation has died before all of its state had come. */
  async #arrived(old: WorkerHandle, id: number): Promise<StateArrival | 'aborted' | 'timeout' | undefined> {
    const { options, signal } = this.#task;
    const taking = old.takeState(id);
    const aborted = new Promise<'aborted'>((resolve) => {
      if (signal.aborted) resolve('aborted');
      else signal.addEventListener('abort', () => resolve('aborted'), { once: true });
    });
    type Outcome = Awaited<typeof taking> | 'aborted' | 'timeout';
    const outcome = await withTimeout<Outcome>(Promise.race([taking, aborted]), options.readyTimeout, () => 'timeout');
    if (typeof outcome === 'string') void taking.then((late) => late?.state.release());
    return outcome;
  }

  /** `overlap: false`: the old generation has ended before the new one loads. */
  async #endOld(): Promise<void> {
    const { old, router, retirements } = this.#task;
    if (!old || this.#isOldGone) return;
    this.#pausedAt ??= performance.now();
    router.hold();
    this.#isOldGone = true;
    const { moved } = await retirements.retire(old, { type: 'drain', move: true, relay: false });
    this.#connectionsMoved = moved;
  }

  async #waitForNext<T extends 'standby' | 'needs-state' | 'ready'>(
    types: readonly T[],
  ): Promise<MessageOf<NextMessage, T>> {
    return await this.#inTime(this.#answerOfNext(types));
  }

  #answerOfNext<T extends NextMessage['type']>(types: readonly T[]): Promise<Outcome<T | 'failed' | 'misspeculated'>> {
    return this.#next.waitFor([...types, 'failed', 'misspeculated'], { signal: this.#task.signal });
  }

  /** Within readyTimeout from now on. */
  async #inTime<T extends NextMessage['type']>(
    answer: Promise<Outcome<T | 'failed' | 'misspeculated'>>,
  ): Promise<MessageOf<NextMessage, T>> {
    const { options, router, generation } = this.#task;
    const next = this.#next;
    const timeout = (): { type: 'timeout' } => ({ type: 'timeout' });
    let outcome: Outcome<NextMessage['type']>;
    do outcome = await withTimeout<typeof outcome>(answer, options.readyTimeout, timeout);
    while (outcome.type === 'timeout' && this.#isDebugged);
    switch (outcome.type) {
      case 'failed':
        throw this.#failure(outcome.error);
      case 'misspeculated':
        throw new Rollback({ type: 'misspeculated', misspeculation: outcome.misspeculation });
      case 'ended':
        throw this.#exitedEarly(outcome.exit);
      case 'timeout':
        throw this.#failure(
          notReady(generation, options.readyTimeout, {
            shouldListen: router.ports.isListening && !router.ports.listens(next),
          }),
        );
      case 'aborted':
        throw new Rollback({ type: 'aborted' });
      default:
        return outcome as MessageOf<NextMessage, T>;
    }
  }

  /** `--wait-ready`: the app says process.send('ready'), as under PM2. */
  async #waitForApp(): Promise<void> {
    const { options, signal, generation } = this.#task;
    const next = this.#next;
    if (this.#appIsReady.signal.aborted) return;
    // Not AbortSignal.any(): in Node 20 it holds on to what it was made of.
    const either = new AbortController();
    const abort = (): void => either.abort();
    const signals = [signal, this.#appIsReady.signal];
    for (const one of signals) one.addEventListener('abort', abort);
    if (signal.aborted) abort();
    let outcome: Outcome<never>;
    do outcome = await next.waitFor([], { timeout: options.readyTimeout, signal: either.signal });
    while (outcome.type === 'timeout' && this.#isDebugged);
    for (const one of signals) one.removeEventListener('abort', abort);
    if (outcome.type === 'ended') throw this.#exitedEarly(outcome.exit);
    if (signal.aborted) throw new Rollback({ type: 'aborted' });
    if (outcome.type === 'timeout') {
      throw this.#failure(notSaidReady(generation, options.readyTimeout));
    }
  }

  #exitedEarly(exit: WorkerExit): Rollback {
    const { generation, wasKilled } = this.#task;
    const { startError } = this.#next;
    if (startError) return this.#failure(unstarted(generation, startError));
    if (exit.signal && !wasKilled) return new Rollback({ type: 'killed', signal: exit.signal });
    return this.#failure(endedEarly(generation, exit));
  }

  #commit({ phases, variables }: MessageOf<MessageToPrimary, 'ready'>, captureAt: CaptureTime): HandoverResult {
    const { router, options, onStep } = this.#task;
    const next = this.#next;
    const now = performance.now();
    // In one turn of the event loop: there is never a moment at which both or none could serve.
    next.send({ type: 'committed', checkpointInterval: options.checkpointInterval });
    router.serve(next);
    onStep('committed', next);
    return {
      type: 'committed',
      phases: this.#clock.phases(phases, captureAt, now - this.#task.began),
      variables,
      pauseMs: this.#pausedAt === undefined ? 0 : now - this.#pausedAt,
      totalMs: now - this.#task.began,
      stateBytes: this.#state?.length ?? 0,
      stateKeys: this.#stateKeys,
      connectionsMoved: this.#connectionsMoved,
    };
  }

  #failure(error: WireError): Rollback {
    return new Rollback({
      type: 'failed',
      error: error instanceof Error ? toWireError(error) : error,
      totalMs: performance.now() - this.#task.began,
    });
  }
}
