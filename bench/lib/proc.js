// What Linux tells about processes.
import { readdirSync, readFileSync } from 'node:fs';

/** Fields of /proc/<pid>/stat from the third on; undefined when there is no such process. */
function statOf(pid) {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // The name before it is in parentheses and may hold anything.
    return text.slice(text.lastIndexOf(')') + 2).split(' ');
  } catch {
    return undefined;
  }
}

/** Which process a pid means: pids are given anew. */
export function identityOf(pid) {
  return statOf(pid)?.[19];
}

/** Pids of all processes below one. */
export function descendantsOf(pid) {
  const pids = readdirSync('/proc').filter((name) => /^\d+$/.test(name));
  const parents = new Map(pids.map((name) => [Number(name), Number(statOf(name)?.[1])]));
  const found = [pid];
  // Grows while it is walked.
  for (const parent of found) for (const [child, of] of parents) if (of === parent) found.push(child);
  return found.slice(1);
}

/**
 * Processor time used so far by all threads, in milliseconds. From the scheduler's nanoseconds where the kernel has
 * them, since the ticks of /proc/<pid>/stat are 10 ms long.
 */
export function cpuTimeOf(pid) {
  try {
    const threads = readdirSync(`/proc/${pid}/task`);
    const times = threads.map((id) => Number(readFileSync(`/proc/${pid}/task/${id}/schedstat`, 'utf8').split(' ')[0]));
    return times.reduce((sum, time) => sum + time, 0) / 1e6;
  } catch {
    const stat = statOf(pid);
    return (Number(stat?.[11]) + Number(stat?.[12])) * 10;
  }
}

/** A figure of /proc/<pid>/<file> that is told in kB, in bytes; undefined when the kernel doesn't tell it. */
function bytesIn(pid, file, name) {
  try {
    const match = new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(readFileSync(`/proc/${pid}/${file}`, 'utf8'));
    return match ? Number(match[1]) * 1024 : undefined;
  } catch {
    return undefined;
  }
}

/** The most memory that it has ever had resident. */
export const peakMemoryOf = (pid) => bytesIn(pid, 'status', 'VmHWM');

export const residentMemoryOf = (pid) => bytesIn(pid, 'status', 'VmRSS');

/** Resident memory of which shared pages count by their share. */
export const proportionalMemoryOf = (pid) => bytesIn(pid, 'smaps_rollup', 'Pss');

export function commandOf(pid) {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0');
  } catch {
    return [];
  }
}

/** How many descriptors a process may have open. */
export function descriptorLimit() {
  return Number(/^Max open files\s+\d+\s+(\d+)/m.exec(readFileSync('/proc/self/limits', 'utf8'))?.[1] ?? Infinity);
}

export function openDescriptorsOf(pid) {
  return readdirSync(`/proc/${pid}/fd`).length;
}
