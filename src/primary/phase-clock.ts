import type { Phases } from '../protocol.ts';
import type { PhaseTime } from './events.ts';

type PhaseName = PhaseTime['name'];

/** When the old generation's state is taken. */
export type CaptureTime = 'load' | 'need' | 'never';

/** The phases of a restart in their order, where the state is taken before `load` … */
const TAKEN_AT_LOAD = ['detect', 'wait', 'boot', 'quiesce', 'capture', 'load', 'prepare', 'restore', 'start'] as const;
/** … or when the next generation asks for it, in the midst of `load` or after `prepare`. */
const TAKEN_AT_NEED = ['detect', 'wait', 'boot', 'load', 'prepare', 'quiesce', 'capture', 'restore', 'start'] as const;

/** What the primary has waited for in a restart, and for how long. All times in milliseconds. */
export class PhaseClock {
  readonly #waited: { [name in PhaseName]?: number } = {};

  note(name: PhaseName, ms: number): void {
    this.#waited[name] = ms;
  }

  async time<T>(name: PhaseName, task: () => Promise<T>): Promise<T> {
    const began = performance.now();
    try {
      return await task();
    } finally {
      this.note(name, performance.now() - began);
    }
  }

  of(name: PhaseName): number {
    return this.#waited[name] ?? 0;
  }

  /** The parts of the whole restart, which add up to it. `own`: what the next generation has measured itself. */
  phases(own: Phases, captureAt: CaptureTime, totalMs: number): PhaseTime[] {
    const times = { ...this.#waited, ...own };
    // The next generation has waited for the state while the old one made it, and may have gone on with it before this
    // process, should it have been busy, knew of that.
    if (captureAt === 'need' && times.restore !== undefined) {
      for (const name of ['quiesce', 'capture'] as const) {
        const ms = times[name];
        if (ms === undefined) continue;
        times[name] = Math.min(ms, times.restore);
        times.restore -= times[name];
      }
    }
    const names = captureAt === 'load' ? TAKEN_AT_LOAD : TAKEN_AT_NEED;
    const phases = names.flatMap((name): PhaseTime[] => {
      const ms = times[name];
      return ms === undefined ? [] : [{ name, ms }];
    });
    const sum = phases.reduce((sum, { ms }) => sum + ms, 0);
    return [...phases, { name: 'commit', ms: Math.max(0, totalMs - sum) }];
  }
}
