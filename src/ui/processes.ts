import type { RestarterEvents } from '../primary/events.ts';

type Detail<E extends keyof RestarterEvents> = RestarterEvents[E][0];

/** What a process does. `leaving`: it was replaced, and ends what it has begun. */
export type Role = 'primary' | 'serving' | 'starting' | 'standby' | 'leaving';

export interface UiProcess {
  pid: number;
  role: Role;
  generation?: number;
}

/** Knows by the events of a restarter which processes there are, and what they do. */
export class Processes {
  readonly #all = new Map<number, UiProcess>();

  constructor(primary: number) {
    this.#all.set(primary, { pid: primary, role: 'primary' });
  }

  get list(): UiProcess[] {
    return [...this.#all.values()];
  }

  standby({ pid }: Detail<'standby'>): void {
    this.#all.set(pid, { pid, role: 'standby' });
  }

  loading({ pid, generation }: Detail<'loading'>): void {
    this.#all.set(pid, { pid, role: 'starting', generation });
  }

  committed({ pid, generation }: Detail<'committed'>): void {
    for (const other of this.#all.values()) if (other.role === 'serving') other.role = 'leaving';
    this.#all.set(pid, { pid, role: 'serving', generation });
  }

  /** It has ended, or is about to: of a standby that was not needed no event tells. */
  ended(pid: number): void {
    this.#all.delete(pid);
  }

  /** The one that was to be the next generation is not. */
  abandoned(): void {
    for (const { pid, role } of this.#all.values()) if (role === 'starting') this.#all.delete(pid);
  }

  /** What served has ended by itself. */
  crashed(): void {
    for (const { pid, role } of this.#all.values()) if (role === 'serving') this.#all.delete(pid);
  }
}
