import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { ROOT } from './project.js';

const CLI = path.join(ROOT, 'dist', 'cli.js');

/** A process whose output can be waited for. */
export class Process {
  stdout = '';
  stderr = '';
  exit;
  #waiters = new Set();

  constructor(command, args, { cwd, env, ipc = false, stdin = 'ignore', uid, gid = uid } = {}) {
    const environment = { ...process.env, ...env };
    delete environment.NODE_TEST_CONTEXT;
    delete environment.npm_lifecycle_event;
    delete environment.NODE_CHANNEL_FD;
    this.child = spawn(command, args, {
      cwd,
      env: environment,
      ...(uid !== undefined && { uid, gid }),
      stdio: [stdin, 'pipe', 'pipe', ...(ipc ? ['ipc'] : [])],
    });
    for (const name of ['stdout', 'stderr']) {
      this.child[name].setEncoding('utf8').on('data', (text) => {
        this[name] += text;
        this.#check();
      });
    }
    this.exited = once(this.child, 'close').then(([code, signal]) => {
      this.exit = { code, signal };
      this.#check();
      return this.exit;
    });
  }

  static node(args, options) {
    return new Process(process.execPath, args, options);
  }

  /** `npx handover ...args` in a project. */
  static handover(project, args, options) {
    return Process.node([CLI, ...args], { cwd: project.dir, ...options });
  }

  get output() {
    return this.stdout + this.stderr;
  }

  get pid() {
    return this.child.pid;
  }

  /** Resolves with the match once the output has it; rejects when the process ends without it. */
  printed(pattern, { since = 0 } = {}) {
    return new Promise((resolve, reject) => {
      const check = () => {
        const match = pattern.exec(this.stdout.slice(since)) ?? pattern.exec(this.stderr.slice(since));
        if (match) resolve(match);
        else if (this.exit)
          reject(new Error(`ended (${JSON.stringify(this.exit)}) without printing ${pattern}:\n${this.output}`));
        return match !== null || this.exit !== undefined;
      };
      if (!check()) this.#waiters.add(check);
    });
  }

  signal(signal) {
    this.child.kill(signal);
    return this.exited;
  }

  /** Ends it at the end of a test, whatever state it is in. */
  async stop() {
    if (!this.exit) this.child.kill('SIGTERM');
    const timer = setTimeout(() => this.child.kill('SIGKILL'), 8000);
    await this.exited;
    clearTimeout(timer);
  }

  #check() {
    for (const check of this.#waiters) if (check()) this.#waiters.delete(check);
  }
}

/** Resolves when none of the processes exists any more. */
export async function gone(pids) {
  for (const pid of pids) {
    // There is no event for the end of a process that is not one's child.
    while (exists(pid)) await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

export function exists(pid) {
  try {
    process.kill(pid, 0);
    // One that has ended, and whose end nobody has asked for yet, is listed still.
    return !/^\d+ \(.*\) Z/s.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
  } catch (error) {
    return error.code === 'ENOENT' && process.platform !== 'linux';
  }
}
