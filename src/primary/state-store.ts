import { randomUUID } from 'node:crypto';
import { HandoverError, messageOf } from '../errors.ts';
import { PrimaryLock } from '../state/primary-lock.ts';
import { SnapshotFile } from '../state/snapshot-file.ts';
import { Snapshots } from './snapshots.ts';
import { StateBytes } from './state-bytes.ts';

export interface StateStoreOptions {
  /** The snapshot file; false: the state lives in memory only. */
  file: string | false;
  /** It was chosen by the user: when it can't be written, that is an error, not a warning. */
  isChosen: boolean;
  /** Keep the file after a clean stop. */
  persist: boolean;
  /** The least time between two writes, in milliseconds. */
  interval: number;
  appVersion: string;
  /** Sees every state that a worker has handed over. */
  saveState: ((blob: Buffer) => unknown) | undefined;
  /** Supplies the state of the first boot, instead of the snapshot. */
  loadState: (() => Buffer | null | undefined | Promise<Buffer | null | undefined>) | undefined;
  warn: (message: string, error?: HandoverError) => void;
}

/** The last known state, as opaque bytes: in memory, and behind that in the snapshot file, which one primary owns. */
export class StateStore {
  /** Tells the snapshots of this primary from those of earlier ones. */
  readonly run: string = randomUUID();
  readonly #options: StateStoreOptions;
  #file: SnapshotFile | undefined;
  #snapshots: Snapshots | undefined;
  #lock: PrimaryLock | undefined;
  #state: StateBytes | undefined;

  constructor(options: StateStoreOptions) {
    this.#options = options;
    if (options.file !== false) this.#file = new SnapshotFile(options.file);
  }

  /** To be held by whoever uses it after an await. */
  get state(): StateBytes | undefined {
    return this.#state;
  }

  /**
   * Becomes the owner of the snapshot and reads it. Throws PRIMARY_RUNNING when another primary lives, and
   * SNAPSHOT_UNWRITABLE when a chosen file can't be used; without a choice the state then lives in memory only.
   */
  async open(): Promise<void> {
    const { loadState } = this.#options;
    await this.#own();
    if (loadState) {
      const blob = await loadState();
      if (blob) this.#state = StateBytes.of(blob);
      return;
    }
    const snapshot = await this.#file?.read();
    if (!snapshot) return;
    if ('rejected' in snapshot) this.#options.warn(snapshot.rejected.message, snapshot.rejected);
    else this.#state = StateBytes.of(snapshot.blob);
  }

  async #own(): Promise<void> {
    const { isChosen, interval, warn } = this.#options;
    if (this.#file === undefined) return;
    try {
      this.#lock = await PrimaryLock.acquire(this.#file.path, { onLost: (error) => warn(error.message) });
      this.#snapshots = new Snapshots(this.#file, interval, (error) => warn(error.message, error));
    } catch (error) {
      if (isChosen || !(error instanceof HandoverError) || error.code !== 'SNAPSHOT_UNWRITABLE') throw error;
      warn(`${error.message}; the state lives in memory only`, error);
      this.#file = undefined;
    }
  }

  /** A worker has handed over its state. */
  set(state: StateBytes, generation: number): void {
    this.#state?.release();
    this.#state = state.hold();
    this.#snapshots?.offer(state, { generation, run: this.run, appVersion: this.#options.appVersion });
    void this.#tell(state);
  }

  /** A worker has sent its state while it serves. The first time that is often what it has been given. */
  setCheckpoint(state: StateBytes, generation: number): void {
    if (!this.#state?.equals(state)) this.set(state, generation);
  }

  async #tell(state: StateBytes): Promise<void> {
    try {
      await this.#options.saveState?.(state.toBuffer());
    } catch (error) {
      this.#options.warn(`saveState(): ${messageOf(error)}`);
    }
  }

  /** The app refuses the state: it is set aside, and the app starts fresh. */
  async reject(): Promise<void> {
    this.#state?.release();
    this.#state = undefined;
    await this.#file?.reject();
  }

  /** Tells the next primary whom to wait for when this one is killed. */
  setWorkers(pids: number[]): void {
    this.#lock?.setWorkers(pids);
  }

  /** A clean stop: the snapshot is removed or, with `persist`, brought up to date. */
  async close(): Promise<void> {
    if (this.#options.persist) await this.#snapshots?.flush();
    else await this.#snapshots?.remove();
    await this.#lock?.release();
  }
}
