import { readFileSync } from 'node:fs';

/** A process, told apart from a later one with the same id where the system lets us (Linux). */
export interface ProcessIdentity {
  pid: number;
  /** When it started, in the system's own unit. */
  started?: string;
}

export function identityOf(pid: number): ProcessIdentity {
  const started = statOf(pid)?.started;
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
  const stat = statOf(pid);
  // A zombie has ended; only its parent has not asked for its exit code yet.
  return stat === undefined || (stat.state !== 'Z' && (started === undefined || stat.started === started));
}

function statOf(pid: number): { state: string | undefined; started: string | undefined } | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // The second field is the command in parentheses, which may hold anything: count from its end.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return { state: fields[0], started: fields[19] };
  } catch {
    return undefined;
  }
}
