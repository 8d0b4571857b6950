import type { ChildProcess } from 'node:child_process';
import cluster from 'node:cluster';
import { REPORT_ENV, TREE_ENV, WORKER_ENV, type WorkerConfig } from '../protocol.ts';

/** The program that every worker runs. */
export interface Program {
  /** The app's entry file. */
  exec: string;
  /** What follows it in process.argv. */
  args: string[];
  /** Options of Node.js itself. */
  execArgv: string[];
}

const BOOTSTRAP = new URL('../worker/bootstrap.js', import.meta.url).href;

/** Starts the process of a worker, with its mark (see TREE_ENV). Throws what fork() throws, for example EAGAIN. */
export function forkWorker(program: Program, config: WorkerConfig, mark: string): ChildProcess {
  cluster.setupPrimary({
    exec: program.exec,
    args: program.args,
    execArgv: [...program.execArgv, '--experimental-import-meta-resolve', '--import', BOOTSTRAP],
    // Only text passes, and for that it is faster than 'advanced': it is what each new connection costs.
    serialization: 'json',
    stdio: ['inherit', 'inherit', 'inherit', 'ipc', 'pipe', 'pipe'],
    windowsHide: true,
  });
  return cluster.fork({ [WORKER_ENV]: JSON.stringify(config), [REPORT_ENV]: '1', [TREE_ENV]: mark }).process;
}
