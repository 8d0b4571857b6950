import { ChildProcess, fork, type ForkOptions } from 'node:child_process';
import { Socket } from 'node:net';
import { CALL_FD, REPORT_ENV, TREE_ENV, WORKER_ENV, type WorkerConfig } from '../protocol.ts';

/** The program that every worker runs. */
export interface Program {
  /** The app's entry file. */
  exec: string;
  /** What follows it in process.argv. */
  args: string[];
  /** Options of Node.js itself. */
  execArgv: string[];
  /** Files from which Node.js reads variables at the start of a worker: absolute paths. */
  envFiles: string[];
  /** Variables that a worker has besides those of this process; undefined: it does not inherit them. */
  env: Record<string, string | undefined>;
  /** It is a program that runs the primary, too, and tells the two apart by `cluster.isPrimary`. */
  isOwn: boolean;
}

/** Makes a process a worker of a cluster (lib/cluster.js, Node 20–26). */
const CLUSTER_ENV = 'NODE_UNIQUE_ID';

const BOOTSTRAP = new URL('../worker/bootstrap.js', import.meta.url).href;

let lastId = 0;
let lastInspected = 0;

/**
 * Starts the process of a worker, with its mark (see TREE_ENV). One that can't be started has no pid, and tells why by the
 * event `error`.
 */
export function forkWorker(program: Program, config: WorkerConfig, mark: string): ChildProcess {
  try {
    const child = start(program, config, mark);
    // Without a free descriptor Node makes neither pipes nor a channel, and tells why in the next turn.
    return child.stdio === undefined ? withoutPipes(child) : child;
  } catch (error) {
    const child = withoutPipes(new (ChildProcess as unknown as new () => ChildProcess)());
    process.nextTick(() => child.emit('error', error as Error));
    return child;
  }
}

/** A process that has never been, in the shape of one that has ended. */
function withoutPipes(child: ChildProcess): ChildProcess {
  const stdio = Array.from({ length: CALL_FD + 1 }, () => new Socket());
  return Object.assign(child, { connected: false, send: () => false, stdio });
}

function start(program: Program, config: WorkerConfig, mark: string): ChildProcess {
  return fork(program.exec, program.args, {
    execArgv: [
      ...inspectable(program.execArgv),
      ...quiet(config),
      '--experimental-import-meta-resolve',
      '--import',
      BOOTSTRAP,
    ],
    env: {
      ...process.env,
      ...program.env,
      // To an app that is a program of its own, node:cluster is what it is in any process.
      ...(program.isOwn && { [CLUSTER_ENV]: String(++lastId) }),
      [WORKER_ENV]: JSON.stringify(config),
      [REPORT_ENV]: '1',
      [TREE_ENV]: mark,
    },
    // Only text passes, and for that it is faster than 'advanced': it is what each new connection costs.
    serialization: 'json',
    stdio: ['inherit', 'inherit', 'inherit', 'ipc', 'pipe', 'pipe'],
    windowsHide: true,
  } as ForkOptions);
}

/** The address of a worker's own inspector is no news. */
function quiet({ inspect }: WorkerConfig): string[] {
  return inspect ? ['--inspect-publish-uid=http'] : [];
}

/** Each worker needs a port of its own for its debugger. */
function inspectable(execArgv: string[]): string[] {
  if (!execArgv.some((option) => /^--inspect(?:-brk|-wait)?(?:=|$)/.test(option))) return execArgv;
  return [...execArgv, `--inspect-port=${process.debugPort + ++lastInspected}`];
}
