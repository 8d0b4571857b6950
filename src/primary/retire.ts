import type { ResolvedOptions } from '../options/handover-options.ts';
import type { MessageToWorker } from '../protocol.ts';
import { watchDrain } from './progress.ts';
import type { WorkerExit, WorkerHandle } from './worker-handle.ts';

export type RetireTimeouts = Pick<ResolvedOptions, 'drainTimeout' | 'shutdownTimeout' | 'killTimeout'>;

/** What it is told. */
export type Drain = Extract<MessageToWorker, { type: 'drain' }>;

export interface Retirement {
  exit: WorkerExit;
  /** Connections that were handed back, if it could say so. */
  moved: number;
  /** Whether everything ended by itself and in time. */
  ended: boolean;
  /** What was cut or failed to end, by name. */
  report: string[];
}

/**
 * Ends a worker: it drains, then stops its components, then exits. When it takes longer than drainTimeout and
 * shutdownTimeout together it gets SIGTERM, and SIGKILL after killTimeout. Then the processes end that it has started.
 * `onWaiting` is told whom it waits for when that takes long.
 */
export async function retire(
  worker: WorkerHandle,
  drain: Drain,
  timeouts: RetireTimeouts,
  onWaiting: (names: string[]) => void,
): Promise<Retirement> {
  const stop = watchDrain(worker, onWaiting);
  try {
    return await end(worker, drain, timeouts);
  } finally {
    stop();
  }
}

async function end(
  worker: WorkerHandle,
  drain: Drain,
  { drainTimeout, shutdownTimeout, killTimeout }: RetireTimeouts,
): Promise<Retirement> {
  worker.isRetired = true;
  const moved = worker.waitFor(['moved']);
  worker.send(drain);
  const drained = await worker.waitFor(['drained'], { timeout: drainTimeout + shutdownTimeout });
  let { ended, report } =
    drained.type === 'drained' ? drained : { ended: drained.type === 'ended', report: [] as string[] };
  // An app that handles the signal itself ends itself, and may take its time.
  const exitTimeout = drain.signal ? drainTimeout + shutdownTimeout : killTimeout;
  let last = await worker.waitFor([], { timeout: drained.type === 'drained' ? exitTimeout : 0 });
  if (last.type === 'timeout') {
    worker.kill('SIGTERM');
    last = await worker.waitFor([], { timeout: drained.type === 'drained' ? 0 : killTimeout });
  }
  if (last.type === 'timeout') {
    ended = false;
    report = [...report, `process ${worker.pid} did not end and was killed`];
    worker.kill('SIGKILL');
    last = await worker.waitFor([]);
  }
  report = [...report, ...(await worker.tree.end(shutdownTimeout))];
  const first = await moved;
  return {
    exit: last.type === 'ended' ? last.exit : { code: null, signal: 'SIGKILL' },
    moved: first.type === 'moved' ? first.connections : 0,
    ended,
    report,
  };
}
