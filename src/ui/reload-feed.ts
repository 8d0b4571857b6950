import type { ProcessRestarter } from '../primary/process-restarter.ts';
import { EventStream, type StreamEvent } from './event-stream.ts';
import { describeCrash, describeFailure, type FailureText } from './failure-text.ts';

/** An old generation that is blocked can't hand over its connections: a reload waits so long for that. In milliseconds. */
const LONGEST_MOVE = 1000;

/** Tells the app's pages which generation serves, and the failure of a start when one has failed since. */
export class ReloadFeed {
  readonly stream: EventStream = new EventStream();
  readonly #cwd = process.cwd();
  readonly #run: string;
  #generation: number | undefined;
  #since = 0;
  #failure: FailureText | undefined;
  /** Of a failure that is being described when the next one begins nobody needs to hear. */
  #attempt = 0;
  #moving: NodeJS.Timeout | undefined;

  /** `run`: tells this primary from others. */
  constructor(restarter: ProcessRestarter, run: string) {
    this.#run = run;
    restarter.on('loading', () => this.#attempt++);
    // A browser's connection may be the old generation's until it has moved: a reload must not come before that.
    restarter.on('committed', ({ generation }) => {
      clearTimeout(this.#moving);
      this.#moving = setTimeout(() => this.#onServing(generation), LONGEST_MOVE).unref();
    });
    restarter.on('receipt', ({ generation }) => this.#onServing(generation));
    restarter.on('rolledBack', (detail) => {
      const attempt = this.#attempt;
      void describeFailure(detail, this.#cwd).then((text) => attempt === this.#attempt && this.#onFailure(text));
    });
    restarter.on('crashed', (detail) => detail.waits && this.#onFailure(describeCrash(detail)));
  }

  /**
   * What there is to know. `servedFor`: for how many milliseconds that generation has been the only one that answers; null:
   * none has served yet.
   */
  get state(): StreamEvent {
    const servedFor = this.#generation === undefined ? null : performance.now() - this.#since;
    const failure = this.#failure ? { ...this.#failure, attempt: this.#attempt } : null;
    return { event: 'state', data: { run: this.#run, generation: this.#generation ?? null, servedFor, failure } };
  }

  stop(): void {
    clearTimeout(this.#moving);
  }

  #onServing(generation: number): void {
    clearTimeout(this.#moving);
    if (this.#generation !== undefined && generation <= this.#generation) return;
    this.#generation = generation;
    this.#since = performance.now();
    this.#failure = undefined;
    this.stream.send(this.state);
  }

  #onFailure(failure: FailureText): void {
    this.#failure = failure;
    this.stream.send(this.state);
  }
}
