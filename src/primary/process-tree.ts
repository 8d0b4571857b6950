import { setTimeout as delay } from 'node:timers/promises';
import { TREE_ENV } from '../protocol.ts';
import { describeProcess, listProcesses, startOf, wasStartedWith } from './process-table.ts';

/** How often it is looked whether the processes have ended, of which nobody tells this one; in milliseconds. */
const LOOK = 20;

/**
 * The processes that a worker has started, and those that these have started. They bear the worker's mark in their
 * environment, by which they are known on Linux even when the worker was killed, and whoever started them has ended.
 * Elsewhere they are known by their parents.
 */
export class ProcessTree {
  readonly #mark: string;
  readonly #worker: number;
  #children: readonly number[] = [];
  #hasAny = false;
  /** When the worker was started, as a ProcessEntry has it. */
  #since = 0;
  #ended: Promise<string[]> | undefined;
  #left: readonly number[] = [];

  /** `mark` is what stands in the environment of the worker. */
  constructor(mark: string, worker: number) {
    this.#mark = mark;
    this.#worker = worker;
  }

  /** What the worker has started itself and has not ended. */
  get children(): readonly number[] {
    return this.#children;
  }

  /** Those whose end is awaited, by name. */
  get left(): string[] {
    return this.#left.filter(exists).map((pid) => `child process ${describeProcess(pid)}`);
  }

  /** The worker has told of its children, or that it can have some. */
  setChildren(pids: readonly number[]): void {
    if (!this.#hasAny) this.#since = startOf(this.#worker) ?? 0;
    this.#hasAny = true;
    this.#children = pids;
  }

  /** The worker had no time to tell of them. */
  suspect(): void {
    this.#hasAny = true;
  }

  /**
   * After the end of the worker: SIGTERM, and SIGKILL after the timeout (milliseconds). Resolves when all have ended,
   * with the names of those that had to be killed.
   */
  end(timeout: number): Promise<string[]> {
    this.#ended ??= this.#end(timeout);
    return this.#ended;
  }

  /** Ends them at once. */
  kill(): void {
    if (this.#hasAny) signalAll(this.#list(), 'SIGKILL');
  }

  async #end(timeout: number): Promise<string[]> {
    if (!this.#hasAny) return [];
    const deadline = performance.now() + timeout;
    const told = new Set<number>();
    for (let left = this.#list(); left.length > 0; left = this.#list()) {
      if (performance.now() >= deadline) {
        const names = left.map((pid) => `child process ${describeProcess(pid)} did not end and was killed`);
        signalAll(left, 'SIGKILL');
        return names;
      }
      signalAll(
        left.filter((pid) => !told.has(pid)),
        'SIGTERM',
      );
      for (const pid of left) told.add(pid);
      this.#left = left;
      while (left.some(exists) && performance.now() < deadline) await delay(LOOK);
    }
    return [];
  }

  #list(): number[] {
    const processes = listProcesses().filter(({ started = Infinity }) => started >= this.#since);
    const entry = `${TREE_ENV}=${this.#mark}\0`;
    const isOwn = ({ pid, parent }: { pid: number; parent: number }): boolean =>
      process.platform === 'linux'
        ? wasStartedWith(pid, entry)
        : // Its id may have been given to another process since.
          this.#children.includes(pid) && (parent === this.#worker || parent === 1);
    const own = new Set(processes.filter(isOwn).map(({ pid }) => pid));
    // Those that the app has set free are no children of a worker that has ended, and do not bear its mark.
    own.delete(this.#worker);
    for (let size = -1; size !== own.size;) {
      size = own.size;
      for (const { pid, parent } of processes) if (own.has(parent)) own.add(pid);
    }
    return [...own];
  }
}

function signalAll(pids: readonly number[], signal: NodeJS.Signals): void {
  for (const pid of pids) {
    try {
      process.kill(pid, signal);
    } catch {
      // It has ended meanwhile.
    }
  }
}

function exists(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}
