import { randomUUID } from 'node:crypto';
import { messageOf, type HandoverError } from '../errors.ts';
import { PrimaryLock } from '../state/primary-lock.ts';
import { SnapshotFile } from '../state/snapshot-file.ts';
import { Snapshots } from './snapshots.ts';

export interface StateStoreOptions {
  /** The snapshot file; false: the state lives in memory only. */
  file: string | false;
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
  readonly #file: SnapshotFile | undefined;
  readonly #snapshots: Snapshots | undefined;
  #lock: PrimaryLock | undefined;
  #blob: Buffer | undefined;

  constructor(options: StateStoreOptions) {
    this.#options = options;
    if (options.file === false) return;
    this.#file = new SnapshotFile(options.file);
    this.#snapshots = new Snapshots(this.#file, options.interval, (error) => options.warn(error.message, error));
  }

  get blob(): Buffer | undefined {
    return this.#blob;
  }

  /** Becomes the owner of the snapshot and reads it. Throws PRIMARY_RUNNING when another primary lives. */
  async open(): Promise<void> {
    const { file, loadState, warn } = this.#options;
    if (file !== false) this.#lock = await PrimaryLock.acquire(file, { onLost: (error) => warn(error.message) });
    if (loadState) {
      this.#blob = (await loadState()) ?? undefined;
      return;
    }
    const snapshot = await this.#file?.read();
    if (!snapshot) return;
    if ('rejected' in snapshot) warn(snapshot.rejected.message, snapshot.rejected);
    else this.#blob = snapshot.blob;
  }

  /** A worker has handed over its state. */
  set(blob: Buffer, generation: number): void {
    this.#blob = blob;
    this.#snapshots?.offer(blob, { generation, run: this.run, appVersion: this.#options.appVersion });
    try {
      this.#options.saveState?.(blob);
    } catch (error) {
      this.#options.warn(`saveState(): ${messageOf(error)}`);
    }
  }

  /** The app refuses the state: it is set aside, and the app starts fresh. */
  async reject(): Promise<void> {
    this.#blob = undefined;
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
