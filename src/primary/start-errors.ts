import { HandoverError } from '../errors.ts';
import { describeExit } from '../terminal/exit-text.ts';
import type { WorkerExit } from './worker-handle.ts';

// Why a generation could not take over, as errors that say what to do.

/** The system would not start its process. */
export function unstarted(generation: number, error: NodeJS.ErrnoException): HandoverError {
  return new HandoverError(
    'FORK_FAILED',
    `the process of generation ${generation} could not be started: ${error.message}; ${remedyOf(error)}; it is tried again every second`,
    { cause: error },
  );
}

export function endedEarly(generation: number, exit: WorkerExit): HandoverError {
  return new HandoverError(
    'WORKER_EXITED',
    `generation ${generation} ended before it was ready: ${describeExit(exit)}`,
  );
}

/** `timeout` in milliseconds; `shouldListen`: the generation before it does, and this one does not. */
export function notReady(
  generation: number,
  timeout: number,
  { shouldListen }: { shouldListen: boolean },
): HandoverError {
  return new HandoverError(
    'READY_TIMEOUT',
    shouldListen
      ? `generation ${generation} did not listen within ${timeout} ms, as the one before it did; look for what its start waits for, or raise readyTimeout`
      : `generation ${generation} was not ready within ${timeout} ms; look for what its start waits for, or raise readyTimeout`,
  );
}

/** `--wait-ready`; `timeout` in milliseconds. */
export function notSaidReady(generation: number, timeout: number): HandoverError {
  return new HandoverError(
    'READY_TIMEOUT',
    `generation ${generation} did not call process.send('ready') within ${timeout} ms, which --wait-ready asks for`,
  );
}

/** Of the generation that serves. */
export function notCaptured(generation: number, why: string): HandoverError {
  return new HandoverError(
    'CAPTURE_FAILED',
    `the state of generation ${generation} could not be captured: ${why}; stop and start handover to go on without it`,
  );
}

function remedyOf({ code }: NodeJS.ErrnoException): string {
  if (code === 'EMFILE' || code === 'ENFILE') return 'allow more open files (ulimit -n)';
  if (code === 'EAGAIN') return 'end other programs, or allow more processes (ulimit -u)';
  return 'see what the system lacks';
}
