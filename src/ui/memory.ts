import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { promisify } from 'node:util';

const execute = promisify(execFile);

/** The memory that processes take (resident set), in bytes, by their ids. One that has ended, or can't be asked, is left out. */
export async function readMemory(pids: readonly number[]): Promise<Map<number, number>> {
  switch (process.platform) {
    case 'linux':
      return new Map((await Promise.all(pids.map(readStatus))).flat());
    case 'darwin':
      return await askPs(pids);
    default:
      return new Map(pids.includes(process.pid) ? [[process.pid, process.memoryUsage.rss()]] : []);
  }
}

/** In kB, whatever the size of a page is on this machine. */
async function readStatus(pid: number): Promise<[number, number][]> {
  const status = await readFile(`/proc/${pid}/status`, 'latin1').catch(() => '');
  const kilobytes = /^VmRSS:\s*(\d+) kB/m.exec(status)?.[1];
  return kilobytes === undefined ? [] : [[pid, Number(kilobytes) * 1024]];
}

async function askPs(pids: readonly number[]): Promise<Map<number, number>> {
  // It ends with 1 when one of them has ended, and has told of the others.
  const { stdout } = await execute('ps', ['-o', 'pid=,rss=', '-p', pids.join(',')]).catch(
    (error: { stdout?: string }) => ({ stdout: error.stdout ?? '' }),
  );
  const lines = stdout.split('\n').map((line) => line.trim().split(/\s+/).map(Number));
  return new Map(lines.flatMap(([pid, rss]): [number, number][] => (pid && rss ? [[pid, rss * 1024]] : [])));
}
