import { processStat } from '../process-files.ts';

/** A process, told apart from a later one with the same id where the system lets us (Linux). */
export interface ProcessIdentity {
  pid: number;
  /** When it started, in the system's own unit. */
  started?: string;
}

export function identityOf(pid: number): ProcessIdentity {
  const started = processStat(pid)?.started;
  return { pid, ...(started !== undefined && { started }) };
}

/** Whether this very process still runs. */
export function isAlive({ pid, started }: ProcessIdentity): boolean {
  try {
    process.kill(pid, 0);
  } catch (error) {
    // It exists, and is another user's.
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
  const stat = processStat(pid);
  return stat === undefined || (!stat.hasEnded && (started === undefined || stat.started === started));
}
