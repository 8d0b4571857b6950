import { existsSync } from 'node:fs';
import path from 'node:path';
import { untilNewCode } from './new-code.js';
import { untilAnswered } from './poll.js';
import { startProcess } from './processes.js';
import { BENCH, ROOT } from './project.js';
import { untilAtRest } from './at-rest.js';

// The binary itself: the package `bun` would put a script of Node.js before it where its install script didn't run.
const bun = path.join(BENCH, 'node_modules', '@oven', 'bun-linux-x64', 'bin', 'bun');

export const HANDOVER = { name: 'handover', args: [path.join(ROOT, 'dist', 'cli.js'), 'app.js'] };
export const NODEMON = {
  name: 'nodemon',
  args: [path.join(BENCH, 'node_modules', 'nodemon', 'bin', 'nodemon.js'), 'app.js'],
};
export const NODE_WATCH = { name: 'node --watch', args: ['--watch', 'app.js'] };
/** Peers that keep the process and load into it, if installed. */
export const IN_PROCESS = existsSync(bun) ? [{ name: 'bun --hot', command: bun, args: ['--hot', 'app.js'] }] : [];

/** A project under a tool that restarts it. */
export class ToolServer {
  #tool;
  #project;
  #process;

  constructor(tool, project) {
    this.#tool = tool;
    this.#project = project;
  }

  get tool() {
    return this.#tool.name;
  }

  get pid() {
    return this.#process.pid;
  }

  /** Resolves with the milliseconds from its start to its first answer. */
  async start() {
    // nodemon takes `node` from the PATH: let it be the one that runs the others.
    const PATH = `${path.dirname(process.execPath)}${path.delimiter}${process.env.PATH}`;
    const env = { PORT: String(this.#project.port), PATH };
    const began = performance.now();
    this.#process = startProcess(this.#tool.command ?? process.execPath, this.#tool.args, {
      cwd: this.#project.dir,
      env,
    });
    try {
      await untilAnswered(this.#project.port, 30_000);
    } catch (error) {
      throw new Error(`${this.tool}: ${error.message}\n${this.#process.output()}`, { cause: error });
    }
    return performance.now() - began;
  }

  atRest() {
    return untilAtRest(this.pid);
  }

  /** One save, at rest; a tool that misses it is started anew. Resolves as untilNewCode() does. */
  async save(longest) {
    await this.atRest();
    const save = await untilNewCode(this.#project, longest);
    if (save.newCodeMs === undefined) {
      await this.stop();
      await this.start();
    }
    return save;
  }

  async stop() {
    await this.#process?.stop();
    this.#process = undefined;
  }
}
