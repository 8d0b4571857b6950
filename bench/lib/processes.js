import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { descendantsOf, identityOf } from './proc.js';

/** How long a process may take to end after SIGTERM, in milliseconds. */
const END_TIMEOUT = 10_000;

/** What has been started and not ended, and how to end it. */
const living = new Map();
// The last resort, should a run end without having stopped them.
process.on('exit', () => {
  for (const child of living.keys()) killGroup(child);
});

/** Ends everything, gracefully: handover saves the state of an app whose primary was killed. */
export async function stopAll() {
  await Promise.all([...living.values()].map((stop) => stop()));
}

/** Starts a command; `stop()` ends it, and what it has started, by their pids. */
export function startProcess(command, args, { cwd, env, ipc = false }) {
  const environment = { ...process.env, ...env };
  // What npm and a parent with IPC leave there changes what some tools do.
  for (const name of ['npm_lifecycle_event', 'NODE_CHANNEL_FD', 'NODE_ENV']) delete environment[name];
  const child = spawn(command, args, {
    cwd,
    env: environment,
    stdio: ['ignore', 'pipe', 'pipe', ...(ipc ? ['ipc'] : [])],
    // The leader of a group of processes: what it starts while it ends (nodemon, told to end in the middle of a restart)
    // is found by it, whoever its parent is by then.
    detached: true,
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text) => (output = (output + text).slice(-20_000)));
  }
  // Not its 'close': a process that outlives it holds its output open.
  const ended = once(child, 'exit').finally(() => living.delete(child));
  const stop = () => end(child, ended);
  living.set(child, stop);
  return { child, pid: child.pid, ended, output: () => output, stop };
}

/** Runs a command while the task lasts. */
export async function withProcess(command, args, options, task) {
  const started = startProcess(command, args, options);
  try {
    return await task(started);
  } catch (error) {
    throw new Error(`${error.message}\n${[command, ...args].join(' ')} printed:\n${started.output()}`, {
      cause: error,
    });
  } finally {
    await started.stop();
  }
}

async function end(child, ended) {
  const below = descendantsOf(child.pid).map((pid) => ({ pid, identity: identityOf(pid) }));
  const timer = setTimeout(() => child.kill('SIGKILL'), END_TIMEOUT);
  child.kill('SIGTERM');
  await ended;
  clearTimeout(timer);
  killGroup(child);
  for (const { pid, identity } of below) {
    if (identity === undefined || identityOf(pid) !== identity) continue;
    try {
      process.kill(pid, 'SIGKILL');
    } catch {
      // It has just ended by itself.
    }
  }
}

function killGroup(child) {
  try {
    process.kill(-child.pid, 'SIGKILL');
  } catch {
    // Every process of it has ended.
  }
}
