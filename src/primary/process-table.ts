import { spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { processFile, processStat } from '../process-files.ts';

/** A process of this machine. */
export interface ProcessEntry {
  pid: number;
  parent: number;
  /** In the machine's own unit; undefined where that is not known. */
  started: number | undefined;
}

/** All processes that have not ended; none where that can't be told. */
export function listProcesses(): ProcessEntry[] {
  if (process.platform === 'linux') return listProc();
  return process.platform === 'win32' ? [] : listByPs();
}

/** Whether a process was started with that text in its environment; false where that can't be told. */
export function wasStartedWith(pid: number, text: string): boolean {
  return process.platform === 'linux' && (processFile(pid, 'environ')?.includes(text) ?? false);
}

/** As a person would know it: its id, and its command where that can be told. */
export function describeProcess(pid: number): string {
  const command = process.platform === 'linux' ? processFile(pid, 'cmdline')?.replaceAll('\0', ' ').trim() : '';
  return command ? `${pid} (${command})` : String(pid);
}

/** When a process was started; undefined: it has ended, or that can't be told. */
export function startOf(pid: number): number | undefined {
  return process.platform === 'linux' ? entryOf(pid)?.started : undefined;
}

function listProc(): ProcessEntry[] {
  return namesIn('/proc').flatMap((name) => (/^\d/.test(name) ? (entryOf(Number(name)) ?? []) : []));
}

/** Without a free descriptor none can be told. */
function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}

function entryOf(pid: number): ProcessEntry | undefined {
  const stat = processStat(pid);
  return stat && !stat.hasEnded ? { pid, parent: stat.parent, started: Number(stat.started) } : undefined;
}

function listByPs(): ProcessEntry[] {
  const { stdout } = spawnSync('ps', ['-A', '-o', 'pid=,ppid=,stat='], { encoding: 'utf8' });
  return (stdout ?? '').split('\n').flatMap((line) => {
    const [pid, parent, state] = line.trim().split(/\s+/);
    return !pid || state?.startsWith('Z') ? [] : [{ pid: Number(pid), parent: Number(parent), started: undefined }];
  });
}
