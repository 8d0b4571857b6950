import { randomUUID } from 'node:crypto';
import { createRequire } from 'node:module';
import { readFile, rename, rm, rmdir, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { HandoverError, messageOf } from '../errors.ts';
import { withLock } from './lock.ts';
import { identityOf, isAlive, type ProcessIdentity } from './process-identity.ts';

/** The life-long lock of a primary that says nothing for this long (on another host) counts as dead, in milliseconds. */
const STALE = 10_000;
/** How long the workers of a killed primary may take to save their state, in milliseconds. */
const ORPHANS = 2000;
const POLL = 10;

/** Who owns a project's state, beside the lock. */
interface Owner extends ProcessIdentity {
  host: string;
  token: string;
  workers: ProcessIdentity[];
}

export interface PrimaryLockOptions {
  /** Another process has taken the lock, for example while this machine slept. */
  onLost: (error: Error) => void;
}

/** One primary for a project's state, for as long as it lives. */
export class PrimaryLock {
  readonly #file: string;
  readonly #options: PrimaryLockOptions;
  readonly #owner: Owner = { ...identityOf(process.pid), host: os.hostname(), token: randomUUID(), workers: [] };
  #release: (() => Promise<void>) | undefined;
  #writing: Promise<void> = Promise.resolve();
  #isReleased = false;

  private constructor(file: string, options: PrimaryLockOptions) {
    this.#file = path.resolve(file);
    this.#options = options;
  }

  /**
   * Takes the lock for the state in `file`; from a primary that has died at once, after its workers have saved.
   * Throws HandoverError PRIMARY_RUNNING when another one lives, SNAPSHOT_UNWRITABLE when there can be no lock.
   */
  static async acquire(file: string, options: PrimaryLockOptions): Promise<PrimaryLock> {
    const lock = new PrimaryLock(file, options);
    let previous: Owner | undefined;
    try {
      previous = await withLock(lock.#file, () => lock.#takeOver());
    } catch (cause) {
      if (cause instanceof HandoverError) throw cause;
      throw new HandoverError(
        'SNAPSHOT_UNWRITABLE',
        `the lock beside ${lock.#file} could not be taken: ${messageOf(cause)}; make its folder writable, pass --snapshot <file>, or --no-snapshot`,
        { cause },
      );
    }
    await waitFor(previous?.workers ?? []);
    return lock;
  }

  /** Notes whom the next primary has to wait for when this one is killed. */
  setWorkers(pids: number[]): void {
    this.#owner.workers = pids.map(identityOf);
    const record = JSON.stringify(this.#owner);
    this.#writing = this.#writing.then(() => (this.#isReleased ? undefined : this.#writeOwner(record).catch(() => {})));
  }

  async release(): Promise<void> {
    if (this.#isReleased) return;
    this.#isReleased = true;
    await this.#writing;
    if ((await this.#readOwner())?.token === this.#owner.token) await rm(this.#ownerFile, { force: true });
    await this.#release?.();
  }

  get #ownerFile(): string {
    return `${this.#file}.owner`;
  }

  get #lockFolder(): string {
    return `${this.#file}.primary`;
  }

  /** Nobody else can be here: the short lock is held. Returns the owner that has died. */
  async #takeOver(): Promise<Owner | undefined> {
    const owner = await this.#readOwner();
    const isLocal = owner === undefined || owner.host === os.hostname();
    if (owner && isLocal && isAlive(owner)) throw this.#refusal(owner);
    // Its owner is dead for sure: no need to wait until the lock has gone stale.
    if (isLocal) await rmdir(this.#lockFolder).catch(() => {});
    try {
      this.#release = await this.#lock();
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ELOCKED' && owner) throw this.#refusal(owner);
      throw error;
    }
    // Killed while it waits for them, it leaves the waiting to the next.
    this.#owner.workers = owner?.workers ?? [];
    await this.#writeOwner(JSON.stringify(this.#owner));
    return owner;
  }

  async #lock(): Promise<() => Promise<void>> {
    const { lock } = (await import('proper-lockfile')).default;
    leaveSignalsAlone();
    // By a name of its own: proper-lockfile knows a process's locks by the file, and the short lock has that one.
    const release = await lock(this.#lockFolder, {
      lockfilePath: this.#lockFolder,
      realpath: false,
      stale: STALE,
      onCompromised: () => void this.#onCompromised(),
    });
    return () => release().catch(() => {});
  }

  /** The lock went stale while this process could not refresh it: taken again, unless somebody else has it. */
  async #onCompromised(): Promise<void> {
    if (this.#isReleased) return;
    try {
      await withLock(this.#file, () => this.#takeAgain());
    } catch (error) {
      // From here on the record is another's.
      this.#isReleased = true;
      this.#options.onLost(error as Error);
    }
  }

  async #takeAgain(): Promise<void> {
    if (this.#isReleased) return;
    const owner = await this.#readOwner();
    if (owner && owner.token !== this.#owner.token) throw this.#refusal(owner);
    await rmdir(this.#lockFolder).catch(() => {});
    this.#release = await this.#lock();
    await this.#writeOwner(JSON.stringify(this.#owner));
  }

  #refusal({ pid, host }: Owner): HandoverError {
    const where = host === os.hostname() ? '' : ` on ${host}`;
    return new HandoverError(
      'PRIMARY_RUNNING',
      `another handover runs this project already: process ${pid}${where} owns ${this.#file}; stop it (kill ${pid}), or give this one a state of its own: --snapshot <file>`,
    );
  }

  async #readOwner(): Promise<Owner | undefined> {
    try {
      const owner = JSON.parse(await readFile(this.#ownerFile, 'utf8')) as Owner;
      return Number.isInteger(owner.pid) && Array.isArray(owner.workers) ? owner : undefined;
    } catch {
      return undefined;
    }
  }

  async #writeOwner(record: string): Promise<void> {
    const temporary = `${this.#ownerFile}.${this.#owner.token}.tmp`;
    await writeFile(temporary, record, { mode: 0o600 });
    await rename(temporary, this.#ownerFile);
  }
}

/**
 * proper-lockfile removes its locks on an exit by a signal, through a package that then ends the process itself when
 * it is the only listener left. How a primary ends is not for a lock to say; one left behind is taken over anyway.
 */
function leaveSignalsAlone(): void {
  const require = createRequire(createRequire(import.meta.url).resolve('proper-lockfile'));
  (require('signal-exit') as { unload(): void }).unload();
}

/** Processes that are not our children: their end can only be looked for. */
async function waitFor(processes: readonly ProcessIdentity[]): Promise<void> {
  const until = performance.now() + ORPHANS;
  while (performance.now() < until && processes.some(isAlive)) await delay(POLL);
}
