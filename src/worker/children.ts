import { ChildProcess } from 'node:child_process';
import { subscribe } from 'node:diagnostics_channel';
import { REPORT_ENV, TREE_ENV } from '../protocol.ts';

interface SpawnOptions {
  envPairs?: string[];
  detached?: boolean;
}

type Spawn = (this: ChildProcess, options: SpawnOptions) => unknown;

export interface ChildrenOptions {
  /** The app is about to start a process. */
  onSpawn: () => void;
  /** Which processes it has started that have not ended, without those that are to outlive it. */
  onChange: (pids: number[]) => void;
}

/**
 * The processes that the app starts. ChildProcess.prototype.spawn is what every way to start one and to go on goes
 * through (lib/internal/child_process.js, Node 20–26).
 */
export function watchChildren({ onSpawn, onChange }: ChildrenOptions): void {
  const mark = `${TREE_ENV}=${process.env[TREE_ENV]}`;
  const living = new Set<number>();
  const tell = (): void => onChange([...living]);
  // A thread starts processes unseen; they bear the mark, too. Those of Node itself, for module hooks, start none.
  subscribe('worker_threads', (message) => {
    if ((message as { worker: object }).worker.constructor.name !== 'InternalWorker') tell();
  });
  const prototype = ChildProcess.prototype as unknown as { spawn?: Spawn };
  const { spawn } = prototype;
  if (!spawn) return;
  prototype.spawn = function (options) {
    onSpawn();
    const isFree = options.detached === true;
    const envPairs = options.envPairs && environment(options.envPairs, isFree ? undefined : mark);
    const result = spawn.call(this, envPairs ? { ...options, envPairs } : options);
    const { pid } = this;
    if (pid === undefined || isFree) return result;
    living.add(pid);
    tell();
    this.once('exit', () => {
      living.delete(pid);
      tell();
    });
    return result;
  };
}

/** That of a child, which would report the files that it loads to the app. `mark`: undefined for one that is free. */
function environment(pairs: string[], mark: string | undefined): string[] {
  const others = pairs.filter((pair) => !pair.startsWith(`${REPORT_ENV}=`) && !pair.startsWith(`${TREE_ENV}=`));
  return mark === undefined ? others : [...others, mark];
}
