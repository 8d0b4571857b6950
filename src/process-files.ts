import { readFileSync } from 'node:fs';

// What Linux tells of each process, in files below /proc.

export interface ProcessStat {
  /** Only its parent has not asked for its exit code yet (a zombie). */
  hasEnded: boolean;
  parent: number;
  /** When it started, as the system writes it, in its own unit. */
  started: string | undefined;
}

/** undefined: there is no such process, or this can't be told, as on other systems. */
export function processStat(pid: number): ProcessStat | undefined {
  const stat = processFile(pid, 'stat');
  // Behind the command, which may have any character in it: state, parent, …, the time of its start as the 20th.
  const fields = stat?.slice(stat.lastIndexOf(')') + 2).split(' ');
  return fields && { hasEnded: fields[0] === 'Z', parent: Number(fields[1]), started: fields[19] };
}

/** The content of a file; undefined where it can't be read: the process may end at any moment. */
export function processFile(pid: number, name: string): string | undefined {
  try {
    return readFileSync(`/proc/${pid}/${name}`, 'latin1');
  } catch {
    return undefined;
  }
}
