import path from 'node:path';
import { withTimeout } from './time.js';
import { withProcess } from './processes.js';
import { BENCH } from './project.js';

/** How long an event may take to come, in milliseconds. */
const EVENT_TIMEOUT = 30_000;

/** Runs a project under handover, driven through ProcessRestarter, once its first generation serves. */
export function withRestarter(project, { node = process.execPath, env, ...options }, task) {
  const args = [path.join(BENCH, 'lib', 'drive-restarter.js'), JSON.stringify({ entry: 'app.js', ...options })];
  const settings = { cwd: project.dir, env: { PORT: String(project.port), ...env }, ipc: true };
  return withProcess(node, args, settings, async ({ child, pid, ended }) => {
    const restarter = new Restarter(child, pid, ended);
    await restarter.committed(1);
    return task(restarter);
  });
}

class Restarter {
  /** The details by name: a look at them must not cost more with every restart. */
  #events = new Map();
  /** Those that have not become a generation yet; in a long run the system gives their pids anew. */
  #standbys = new Set();
  #waiters = new Set();
  #child;
  #ended;

  constructor(child, pid, ended) {
    this.pid = pid;
    this.#child = child;
    this.#ended = ended;
    child.on('message', (event) => {
      const { name, detail } = event;
      if (name === 'standby') this.#standbys.add(detail.pid);
      if (name === 'committed') this.#standbys.delete(detail.pid);
      if (this.#events.has(name)) this.#events.get(name).push(detail);
      else this.#events.set(name, [detail]);
      for (const check of this.#waiters) check();
    });
  }

  /** Details of the events of a name so far. */
  all(name) {
    return this.#events.get(name) ?? [];
  }

  /** Asks for a restart without a change. */
  restart(reason = 'restart') {
    this.#child.send({ restart: reason });
  }

  /** Bytes in use in the primary's heap, without garbage. */
  async heapUsed() {
    const asked = this.all('heap').length;
    this.#child.send({ heap: true });
    const { bytes } = await this.#until('size of the heap', () => this.all('heap')[asked]);
    return bytes;
  }

  /** Resolves when that generation, replaced, has ended. */
  drained(generation) {
    return this.#until(`end of generation ${generation}`, () =>
      this.all('drained').findLast((detail) => detail.generation === generation),
    );
  }

  /** Resolves when that generation serves; rejects when it failed to start or the primary has ended. */
  committed(generation) {
    return this.#until(`commit of generation ${generation}`, () => {
      const failure = this.all('rolledBack').findLast((detail) => detail.generation === generation);
      if (failure) throw new Error(`generation ${generation} failed: ${failure.error.message}`);
      return this.all('committed').findLast((detail) => detail.generation === generation);
    });
  }

  /** Resolves when a worker waits for the restart after that generation's. */
  standbyAfter(generation) {
    return this.#until(`standby after generation ${generation}`, () => {
      const [pid] = this.#standbys;
      return pid;
    });
  }

  #until(what, find) {
    let check;
    const found = new Promise((resolve, reject) => {
      check = () => {
        try {
          const result = find();
          if (result !== undefined) resolve(result);
        } catch (error) {
          reject(error);
        }
      };
      this.#waiters.add(check);
      check();
      void this.#ended.then(() => reject(new Error(`the primary has ended before the ${what}`)));
    });
    return withTimeout(found, EVENT_TIMEOUT, what).finally(() => this.#waiters.delete(check));
  }
}
