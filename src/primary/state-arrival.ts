import type { BlobSink } from '../blob-frames.ts';
import type { BlobSending } from '../blob-sending.ts';
import { StateBytes } from './state-bytes.ts';

export interface StateArrivalOptions {
  /** To the next generation: it decodes the beginning while the rest still comes. */
  forward?: BlobSending | undefined;
  /** Nobody takes it: it is told when it is whole, and released afterwards. */
  onEnd?: (state: StateBytes) => void;
}

/** State that arrives from a worker: kept, and passed on at once. */
export class StateArrival implements BlobSink {
  readonly state: StateBytes = new StateBytes();
  readonly #forward: BlobSending | undefined;
  readonly #onEnd: ((state: StateBytes) => void) | undefined;

  constructor({ forward, onEnd }: StateArrivalOptions = {}) {
    this.#forward = forward;
    this.#onEnd = onEnd;
  }

  /** Whether it was passed on. */
  get isForwarded(): boolean {
    return this.#forward !== undefined;
  }

  write(bytes: Buffer): void {
    this.state.append(bytes, (page) => this.#forward?.write(page, true));
  }

  end(): void {
    const { rest } = this.state;
    if (rest) this.#forward?.write(rest, true);
    this.#holdUntil(this.#forward?.end());
    if (!this.#onEnd) return;
    this.#onEnd(this.state);
    this.state.release();
  }

  abort(): void {
    this.#holdUntil(this.#forward?.abort());
    this.state.release();
  }

  /** What is passed on may still wait to be written. */
  #holdUntil(isSent: Promise<void> | undefined): void {
    if (!isSent) return;
    this.state.hold();
    void isSent.then(() => this.state.release());
  }
}
