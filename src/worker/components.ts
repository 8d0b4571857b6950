import { inspect } from 'node:util';
import { HandoverError, messageOf } from '../errors.ts';
import { GracefulShutdownManager } from '../shutdown/graceful-shutdown-manager.ts';
import type { AppComponent } from './app-host.ts';

/** What the app registered with onShutdown(): paused before a capture, resumed after a rollback, stopped at the end. */
export class Components {
  readonly #components = new Map<string, AppComponent>();
  readonly #manager: GracefulShutdownManager;

  constructor(shutdownTimeout: number) {
    this.#manager = new GracefulShutdownManager({ shutdownTimeout });
  }

  get size(): number {
    return this.#components.size;
  }

  /** Those whose end is awaited. */
  get left(): string[] {
    return this.#manager.waitsFor.map((name) => `component ${JSON.stringify(name)}`);
  }

  get canPause(): boolean {
    return [...this.#components.values()].some((component) => component.pause);
  }

  /** Returns a function that takes the component out again. */
  add(name: string, component: AppComponent): () => void {
    if (typeof name !== 'string' || name === '') {
      throw new HandoverError(
        'INVALID_OPTION',
        `onShutdown(): expected a name that is a non-empty string, got ${inspect(name)}`,
      );
    }
    if (typeof component !== 'object' || component === null) {
      throw new HandoverError(
        'INVALID_OPTION',
        `onShutdown(${JSON.stringify(name)}): expected { stop, join, … }, got ${String(component)}`,
      );
    }
    const { stop, join, timeout, pause, resume } = component;
    for (const [method, value] of Object.entries({ stop, join, pause, resume })) {
      if (value !== undefined && typeof value !== 'function') {
        throw new HandoverError(
          'INVALID_OPTION',
          `onShutdown(${JSON.stringify(name)}): expected ${method} to be a function, got ${typeof value}`,
        );
      }
    }
    const unregister = this.#manager.registerComponent({
      name,
      ...(stop && { shutdown: () => component.stop?.() }),
      ...(join && { join: () => component.join?.() }),
      ...(timeout !== undefined && { timeout }),
    });
    this.#components.set(name, component);
    return () => {
      unregister();
      this.#components.delete(name);
    };
  }

  /** Returns what went wrong, by component. */
  pause(): Promise<string[]> {
    return this.#callAll('pause');
  }

  resume(): Promise<string[]> {
    return this.#callAll('resume');
  }

  async stop(): Promise<{ ended: boolean; report: string[] }> {
    const ended = await this.#manager.initiateShutdown();
    const report = this.#manager.report
      .filter(({ outcome }) => outcome !== 'ended')
      .map(({ name, outcome }) => `${name} ${outcome === 'failed' ? 'failed to stop' : 'did not stop in time'}`);
    return { ended, report };
  }

  async #callAll(method: 'pause' | 'resume'): Promise<string[]> {
    const failures: string[] = [];
    await Promise.all(
      [...this.#components].map(async ([name, component]) => {
        try {
          await component[method]?.();
        } catch (error) {
          failures.push(`${method}() of ${name}: ${messageOf(error)}`);
        }
      }),
    );
    return failures;
  }
}
