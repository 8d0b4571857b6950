import type { ChildProcess } from 'node:child_process';
import { EventEmitter } from 'node:events';
import type { Socket } from 'node:net';
import { BlobSender, UNASKED } from '../blob-sending.ts';
import {
  BLOB_FD,
  CALL_FD,
  seal,
  unseal,
  type Carries,
  type MessageOf,
  type MessageToPrimary,
  type MessageToWorker,
  type RawHandle,
} from '../protocol.ts';
import { LoadedModules } from '../watch/loaded-modules.ts';
import { BlobReceiver } from './blob-receiver.ts';
import { CallReader } from './call-reader.ts';
import { ProcessTree } from './process-tree.ts';
import { SentHandles } from './sent-handles.ts';
import { StateArrival } from './state-arrival.ts';
import type { StateBytes } from './state-bytes.ts';

/** How a worker ended. */
export interface WorkerExit {
  code: number | null;
  signal: NodeJS.Signals | null;
}

type PrimaryMessageType = MessageToPrimary['type'];

/** What a wait for a worker can end in. */
export type Outcome<T extends PrimaryMessageType> =
  | MessageOf<MessageToPrimary, T>
  | { type: 'ended'; exit: WorkerExit }
  | { type: 'timeout' }
  | { type: 'aborted' };

interface WorkerEvents {
  message: [message: MessageToPrimary, handle: RawHandle | undefined];
  /** A message that the app sent with process.send(). */
  appMessage: [message: unknown];
  /** It has sent its state unasked. Whoever goes on using it afterwards holds it. */
  checkpoint: [state: StateBytes];
  loaded: [];
  /** The process has exited and everything it had sent has been read. */
  ended: [exit: WorkerExit];
}

/** A worker process from the perspective of the primary. */
export class WorkerHandle extends EventEmitter<WorkerEvents> {
  readonly calls: CallReader;
  /** The processes that it has started. */
  readonly tree: ProcessTree;
  readonly loaded: LoadedModules = new LoadedModules();
  readonly #process: ChildProcess;
  readonly #token: string;
  readonly #handles: SentHandles;
  readonly #received: BlobReceiver<StateArrival>;
  readonly #given: BlobSender;
  /** The last id under which state was asked for, and who gets that as it comes. */
  #asked = 0;
  #forwardTo: WorkerHandle | undefined;
  /** The generation that it is or is about to become; 0 for a standby. */
  generation = 0;
  /** When it began to load the app, in milliseconds since the epoch. */
  loadingSince = 0;
  carries: Carries = { keeps: false, saves: false, steps: false, pauses: false };
  /** The exit has been asked for, so that it is no crash. */
  isRetired = false;
  /** The error that it reported as its last word. */
  lastError: MessageOf<MessageToPrimary, 'crashing'>['error'] | undefined;
  exit: WorkerExit | undefined;
  /** Where its own inspector listens. */
  inspectorUrl: string | undefined;
  /** Its process could not be started. */
  startError: Error | undefined;
  #exited: WorkerExit | undefined;
  #loadedScheduled = false;
  /** What is to be said once it listens: Node drops an internal message that nobody listens for. */
  #unsaid: MessageToWorker[] | undefined = [];

  /**
   * `mark` tells the processes that this one starts from all others, `token` its messages from those that the app sends
   * itself.
   */
  constructor(process: ChildProcess, { mark, token }: { mark: string; token: string }) {
    super();
    this.#token = token;
    this.setMaxListeners(0);
    this.#process = process;
    this.tree = new ProcessTree(mark, this.pid);
    this.#handles = new SentHandles(this.#process);
    this.#received = new BlobReceiver(this.#process.stdio[BLOB_FD] as Socket, (id) => this.#onArrival(id));
    const calls = this.#process.stdio[CALL_FD as 4] as unknown as Socket;
    this.calls = new CallReader(calls, () => this.emit('message', { type: 'needs-state' }, undefined));
    this.#given = new BlobSender(calls);
    this.#listen();
  }

  get pid(): number {
    return this.#process.pid ?? 0;
  }

  /** Whether Node has booted in it. */
  get isBooted(): boolean {
    return this.#unsaid === undefined;
  }

  /** A send that fails is no error here: whoever waits for the worker learns that it has ended. */
  send(message: MessageToWorker): void {
    if (this.#unsaid) {
      this.#unsaid.push(message);
      return;
    }
    if (!this.#process.connected) return;
    this.#process.send(seal(message), undefined, { swallowErrors: true } as object);
  }

  /** To one that has booted. `onAnswer` tells whether it has the handle; it is not called when the worker ends first. */
  sendHandle(message: MessageToWorker, handle: RawHandle, onAnswer: (hasArrived: boolean) => void): void {
    this.#handles.send(seal(message), handle as unknown as Socket, onAnswer);
  }

  /** Answers `needs-state`. undefined: there is none. */
  giveState(state: StateBytes | undefined): void {
    const sending = this.#given.send(UNASKED);
    state?.hold();
    for (const part of state?.parts ?? []) sending.write(part, true);
    void sending.end().then(() => state?.release());
  }

  /** Asks for the state. `forwardTo`, which needs it, gets it while it comes. Returns the id for takeState(). */
  capture(forwardTo?: WorkerHandle): number {
    this.#forwardTo = forwardTo;
    this.send({ type: 'capture', id: ++this.#asked });
    return this.#asked;
  }

  /** The state that capture() has asked for, which the caller holds; undefined when the worker ended before it came. */
  takeState(id: number): Promise<StateArrival | undefined> {
    return this.#received.take(id).catch(() => undefined);
  }

  #onArrival(id: number): StateArrival {
    if (id === UNASKED) return new StateArrival({ onEnd: (state) => this.emit('checkpoint', state) });
    const to = id === this.#asked ? this.#forwardTo : undefined;
    return new StateArrival({ forward: to && to.#given.send(UNASKED) });
  }

  /** Waits for one of the messages that passes, the end of the worker, the timeout (milliseconds) or the abort. */
  waitFor<T extends PrimaryMessageType>(
    types: readonly T[],
    {
      timeout,
      signal,
      passes = () => true,
    }: { timeout?: number; signal?: AbortSignal; passes?: (message: MessageOf<MessageToPrimary, T>) => boolean } = {},
  ): Promise<Outcome<T>> {
    return new Promise((resolve) => {
      const settle = (outcome: Outcome<T>): void => {
        clearTimeout(timer);
        this.off('message', onMessage);
        this.off('ended', onEnded);
        signal?.removeEventListener('abort', onAbort);
        resolve(outcome);
      };
      const onMessage = (message: MessageToPrimary): void => {
        if (!(types as readonly string[]).includes(message.type)) return;
        const wanted = message as MessageOf<MessageToPrimary, T>;
        if (passes(wanted)) settle(wanted);
      };
      const onEnded = (exit: WorkerExit): void => settle({ type: 'ended', exit });
      const onAbort = (): void => settle({ type: 'aborted' });
      const timer = timeout === undefined ? undefined : setTimeout(() => settle({ type: 'timeout' }), timeout);
      this.on('message', onMessage);
      this.on('ended', onEnded);
      signal?.addEventListener('abort', onAbort);
      if (this.exit) onEnded(this.exit);
      else if (signal?.aborted) onAbort();
    });
  }

  kill(signal: NodeJS.Signals): void {
    this.#process.kill(signal);
  }

  /** Ends it at once; its end is no crash. */
  discard(): void {
    this.isRetired = true;
    this.kill('SIGKILL');
  }

  #listen(): void {
    const child = this.#process;
    child.on('message', (message) => {
      if (this.loaded.add(message)) this.#reportLoaded();
      else this.emit('appMessage', message);
    });
    child.on('internalMessage' as 'message', (message: unknown, handle: unknown) => {
      const body = unseal<MessageToPrimary>(message, this.#token);
      if (!body) return;
      if (body.type === 'standby') {
        this.inspectorUrl = body.inspector;
        this.#onBooted();
      }
      if (body.type === 'required') {
        this.loaded.setRequired(body.files);
        this.#reportLoaded();
      }
      if (body.type === 'carries') this.carries = body.carries;
      if (body.type === 'children') this.tree.setChildren(body.pids);
      if (body.type === 'crashing') this.lastError = body.error;
      this.emit('message', body, handle as RawHandle | undefined);
    });
    // A worker that could not be started or signalled: `exit` may never come.
    child.on('error', (error) => {
      if (child.pid === undefined) this.startError = error;
      this.#onGone({ code: null, signal: null });
    });
    child.on('exit', (code, signal) => this.#onGone({ code, signal }));
    child.on('disconnect', () => this.#onGone(undefined));
    // With a handle that was not acknowledged Node lets a channel end without a word (lib/internal/child_process.js, Node 20–26).
    child.on('close', () => this.#onGone(undefined));
  }

  // Handles that it had sent before it exited may still lie in the channel: it has ended when both have ended.
  #onGone(exit: WorkerExit | undefined): void {
    this.#exited ??= exit;
    if (!this.#exited || this.#process.connected || this.exit) return;
    this.exit = this.#exited;
    if (this.exit.signal !== null && this.generation > 0) this.tree.suspect();
    this.#received.close();
    this.emit('ended', this.exit);
  }

  #onBooted(): void {
    const unsaid = this.#unsaid ?? [];
    this.#unsaid = undefined;
    for (const message of unsaid) this.send(message);
  }

  #reportLoaded(): void {
    if (this.#loadedScheduled) return;
    this.#loadedScheduled = true;
    setImmediate(() => {
      this.#loadedScheduled = false;
      this.emit('loaded');
    });
  }
}
