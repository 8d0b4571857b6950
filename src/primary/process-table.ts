import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';

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
  return process.platform === 'linux' && (read(pid, 'environ')?.includes(text) ?? false);
}

/** As a person would know it: its id, and its command where that can be told. */
export function describeProcess(pid: number): string {
  const command = process.platform === 'linux' ? read(pid, 'cmdline')?.replaceAll('\0', ' ').trim() : '';
  return command ? `${pid} (${command})` : String(pid);
}

/** When a process was started; undefined: it has ended, or that can't be told. */
export function startOf(pid: number): number | undefined {
  return process.platform === 'linux' ? readProc(pid)?.started : undefined;
}

function listProc(): ProcessEntry[] {
  return namesIn('/proc').flatMap((name) => (/^\d/.test(name) ? (readProc(Number(name)) ?? []) : []));
}

/** Without a free descriptor none can be told. */
function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}

function readProc(pid: number): ProcessEntry | undefined {
  const stat = read(pid, 'stat');
  // Behind the command, which may have any character in it: state, parent, …, the time of its start as the 20th.
  const fields = stat?.slice(stat.lastIndexOf(')') + 2).split(' ');
  if (!fields || fields[0] === 'Z') return undefined;
  return { pid, parent: Number(fields[1]), started: Number(fields[19]) };
}

/** It may end at any moment. */
function read(pid: number, file: string): string | undefined {
  try {
    return readFileSync(`/proc/${pid}/${file}`, 'latin1');
  } catch {
    return undefined;
  }
}

function listByPs(): ProcessEntry[] {
  const { stdout } = spawnSync('ps', ['-A', '-o', 'pid=,ppid=,stat='], { encoding: 'utf8' });
  return (stdout ?? '').split('\n').flatMap((line) => {
    const [pid, parent, state] = line.trim().split(/\s+/);
    return !pid || state?.startsWith('Z') ? [] : [{ pid: Number(pid), parent: Number(parent), started: undefined }];
  });
}
