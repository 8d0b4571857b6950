import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { untilAtRest } from './at-rest.js';
import { descendantsOf } from './proc.js';
import { withProcess } from './processes.js';
import { ROOT } from './project.js';
import { humanPause, withTimeout } from './time.js';

const CLI = path.join(ROOT, 'dist', 'cli.js');
/** How long a generation may take to serve, in milliseconds: the first one of a large app comes cold. */
const COMMIT_TIMEOUT = 30_000;
/** A machine that is busy with its clients starts a large app late. */
const PATIENT = `--ready-timeout=${COMMIT_TIMEOUT}`;
const RECEIPT = /^↻ .*generation (\d+) in \d+ ms(?:.* pause (\d+))?/;

/** Runs a project under the command line tool while the task lasts, once its first generation serves. */
export function withCommandLine(project, { node = process.execPath, args = [], env } = {}, task) {
  const settings = { cwd: project.dir, env: { PORT: String(project.port), ...env } };
  return withProcess(node, [CLI, PATIENT, ...args, project.entry], settings, async ({ child, pid }) => {
    const tool = new CommandLine(child, pid);
    await tool.committed(1);
    return task(tool);
  });
}

class CommandLine {
  /** The pause of each restart, in milliseconds. */
  pauses = [];
  /** What it has complained of. */
  complaints = [];
  generation = 0;
  #waiters = new Set();

  constructor(child, pid) {
    this.pid = pid;
    for (const stream of [child.stdout, child.stderr]) {
      let rest = '';
      stream.on('data', (text) => {
        const lines = (rest + text).split('\n');
        rest = lines.pop();
        for (const line of lines) this.#read(line);
      });
    }
  }

  /** Resolves when that generation serves. */
  committed(generation) {
    const committed = new Promise((resolve) => {
      const check = () => this.generation >= generation && resolve();
      this.#waiters.add(check);
      check();
    });
    return withTimeout(committed, COMMIT_TIMEOUT, `commit of generation ${generation}`);
  }

  /**
   * Saves so many times, each time as a person would once all but the serving process is at rest: the standby is warm,
   * the old generation has ended. `servingPid` tells that process; `onCommitted` is called after each commit.
   */
  async restarts(project, count, { servingPid, onCommitted }) {
    for (let index = 0; index < count; index++) {
      await this.atRest(servingPid());
      await delay(humanPause(index));
      const before = this.generation;
      const save = await project.save();
      await this.committed(before + 1);
      await onCommitted(save);
    }
  }

  /** Resolves when it has nothing more to do, whatever the clients ask of the serving process. */
  atRest(servingPid) {
    return untilAtRest(this.pid, undefined, () => new Set([this.pid, servingPid, ...descendantsOf(servingPid)]));
  }

  #read(line) {
    const [, generation, pause] = RECEIPT.exec(line) ?? [];
    if (generation) {
      this.generation = Number(generation);
      if (this.generation > 1) this.pauses.push(Number(pause ?? 0));
      for (const check of this.#waiters) check();
    } else if (/^[⚠✖]/u.test(line)) {
      this.complaints.push(line);
    }
  }
}
