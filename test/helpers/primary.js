import { fileURLToPath } from 'node:url';
import { decodeBlob } from '../../dist/state/blob.js';
import { decodeValue } from '../../dist/state/codec.js';
import { Process } from './process.js';

const DRIVER = fileURLToPath(new URL('../fixtures/drive-restarter.js', import.meta.url));

/** A primary in a process of its own, driven through ProcessRestarter, whose events can be waited for. */
export class Primary extends Process {
  events = [];
  #waiters = new Set();

  /**
   * @param project a Project
   * @param options of ProcessRestarter, and `entry`, `args`, `killAt: { step, victim, signal }`, `uid`
   */
  constructor(project, { entry = 'app.mjs', env, uid, ...options } = {}) {
    super(process.execPath, [DRIVER, JSON.stringify({ entry, ...options })], { cwd: project.dir, ipc: true, env, uid });
    this.child.on('message', (event) => {
      this.events.push(event);
      for (const waiter of this.#waiters) if (waiter(event)) this.#waiters.delete(waiter);
    });
  }

  /** Events of a name so far. */
  all(name) {
    return this.events.filter((event) => event.name === name).map((event) => event.detail);
  }

  /** Resolves with the next event of that name (from index `since` of all events) that passes. */
  event(name, passes = () => true, since = 0) {
    return new Promise((resolve, reject) => {
      const check = (event) => {
        if (event.name !== name || !passes(event.detail)) return false;
        resolve(event.detail);
        return true;
      };
      if (this.events.slice(since).some(check)) return;
      this.#waiters.add(check);
      void this.exited.then(() => reject(new Error(`ended without the event ${name}:\n${this.output}`)));
    });
  }

  /** Resolves when a state has been handed over in which the value of the key passes. */
  state(key, passes) {
    return this.event('state', (blob) => {
      const entry = decodeBlob(Buffer.from(blob, 'base64')).get(key);
      return entry !== undefined && passes(decodeValue(entry.parts));
    });
  }

  committed(generation) {
    return this.event('committed', (detail) => detail.generation === generation);
  }

  /** Resolves with the commit of a generation when the standby for the next one is warm, too. */
  async warm(generation) {
    const committed = await this.committed(generation);
    await this.event('standby', ({ pid }) => !this.all('committed').some((serving) => serving.pid === pid));
    return committed;
  }

  send(message) {
    this.child.send(message);
  }

  async stop() {
    if (!this.exit && this.child.connected) this.send({ type: 'stop' });
    const timer = setTimeout(() => this.child.kill('SIGKILL'), 15_000);
    await this.exited;
    clearTimeout(timer);
  }
}
