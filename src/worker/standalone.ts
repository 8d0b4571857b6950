import { Server } from 'node:net';
import { HandoverError } from '../errors.ts';
import type { AppComponent, AppHost, AppSteps, KeepOptions } from './app-host.ts';
import { Components } from './components.ts';
import { Connections } from './connections/connections.ts';
import { KeepStore } from './keep/keep-store.ts';

const DRAIN_TIMEOUT = 10_000;
const SHUTDOWN_TIMEOUT = 10_000;

/** Runs the app without a primary of ours (production): drains on SIGTERM and SIGINT, then exits 0. */
export class Standalone implements AppHost {
  readonly #keeps = new KeepStore(() => {});
  readonly #components = new Components(SHUTDOWN_TIMEOUT);
  #servers: Set<Server> | undefined;
  #connections: Connections | undefined;
  #handlesSignals = false;
  #isRunning = false;
  #isEnding = false;

  keep<T>(key: string, init: () => T, options: KeepOptions<T>): T {
    return this.#keeps.keep(key, init, options);
  }

  // There is no next generation.
  keepSockets(): void {}

  keepWebSockets(): void {}

  onShutdown(name: string, component: AppComponent): () => void {
    const remove = this.#components.add(name, component);
    this.#handleSignals();
    return remove;
  }

  async run<App>(steps: AppSteps<App>): Promise<void> {
    if (this.#isRunning)
      throw new HandoverError(
        'ALREADY_STARTED',
        'runWorker() was called twice in this process; call it once, in the entry',
      );
    this.#isRunning = true;
    this.#connections = new Connections(() => {});
    this.#servers = collectServers();
    this.#handleSignals();
    const app = await steps.load();
    await steps.prepare?.(app);
    await steps.start(app, { state: undefined, isRestart: false, generation: 1 });
  }

  #handleSignals(): void {
    if (this.#handlesSignals) return;
    this.#handlesSignals = true;
    for (const signal of ['SIGTERM', 'SIGINT'] as const) {
      process.on(signal, () => {
        // A second one ends it at once.
        if (this.#isEnding) process.exit(130);
        this.#isEnding = true;
        void this.#end();
      });
    }
  }

  async #end(): Promise<void> {
    for (const server of this.#servers ?? []) server.close();
    await this.#connections?.drain(DRAIN_TIMEOUT, { move: false, relay: false });
    const { ended, report } = await this.#components.stop();
    for (const line of report) process.stderr.write(`handover: ${line}\n`);
    process.exit(ended ? 0 : 1);
  }
}

/** Every server that listens from now on, until it closes. */
function collectServers(): Set<Server> {
  const servers = new Set<Server>();
  const { listen } = Server.prototype;
  Server.prototype.listen = function (this: Server, ...args: unknown[]) {
    servers.add(this);
    this.once('close', () => servers.delete(this));
    return (listen as (...args: unknown[]) => Server).apply(this, args);
  } as typeof listen;
  return servers;
}
