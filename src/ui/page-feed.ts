import path from 'node:path';
import type { ProcessRestarter } from '../primary/process-restarter.ts';
import { EventStream, type StreamEvent } from './event-stream.ts';
import { describeCrash, describeFailure } from './failure-text.ts';
import { History } from './history.ts';
import { readMemory } from './memory.ts';
import { Processes } from './processes.ts';
import type { HistoryRecord } from './record.ts';

/** How often the memory of the processes is read while somebody looks, in milliseconds. */
const MEMORY_INTERVAL = 2000;

/** What happens in so short a time is told at once: a restart is not to be held up by those who watch it. In milliseconds. */
const TOGETHER = 16;

/** Tells the page of the restarts what happens, and whoever comes later what has happened. */
export class PageFeed {
  readonly stream: EventStream = new EventStream((count) => this.#onClients(count));
  readonly #cwd = process.cwd();
  readonly #history = new History(this.#cwd);
  readonly #processes = new Processes(process.pid);
  readonly #changed = new Set<HistoryRecord>();
  readonly #restarter: ProcessRestarter;
  #telling: NodeJS.Timeout | undefined;
  #sampling: NodeJS.Timeout | undefined;
  #memory = new Map<number, number>();

  constructor(restarter: ProcessRestarter) {
    this.#restarter = restarter;
    this.#listen();
  }

  /** All that is known. */
  get first(): StreamEvent {
    const app = path.basename(this.#cwd);
    return { event: 'hello', data: { app, ...this.#now(), records: this.#history.records } };
  }

  stop(): void {
    clearTimeout(this.#telling);
    clearInterval(this.#sampling);
  }

  #listen(): void {
    const history = this.#history;
    const processes = this.#processes;
    const restarter = this.#restarter;
    restarter.on('change', (detail) => this.#tell(history.change(detail)));
    restarter.on('standby', (detail) => {
      processes.standby(detail);
      this.#tell();
    });
    restarter.on('loading', (detail) => {
      processes.loading(detail);
      this.#tell(history.loading(detail));
    });
    for (const step of ['prepared', 'quiesced', 'captured', 'ready'] as const) {
      restarter.on(step, () => this.#tell(history.step(step)));
    }
    restarter.on('committed', (detail) => {
      processes.committed(detail);
      this.#tell(history.committed(detail));
    });
    restarter.on('receipt', (detail) => this.#tell(history.receipt(detail)));
    restarter.on('superseded', () => {
      processes.abandoned();
      this.#tell(history.superseded());
    });
    restarter.on('rolledBack', (detail) => {
      processes.abandoned();
      const record = history.rolledBack(detail);
      this.#tell(record);
      void describeFailure(detail, this.#cwd).then((failure) => this.#tell(history.failure(record, failure)));
    });
    restarter.on('crashed', (detail) => {
      processes.crashed();
      this.#tell(history.crashed(detail, describeCrash(detail)));
    });
    restarter.on('finished', (detail) => {
      processes.crashed();
      this.#tell(history.finished(detail));
    });
    restarter.on('drained', (detail) => {
      processes.ended(detail.pid);
      this.#tell(history.drained(detail));
    });
    restarter.on('warning', (detail) => this.#tell(history.warning(detail)));
  }

  #tell(record?: HistoryRecord): void {
    if (!this.stream.hasClients) return;
    if (record) this.#changed.add(record);
    this.#telling ??= setTimeout(() => {
      this.#telling = undefined;
      this.stream.send({ event: 'now', data: this.#now() });
      for (const changed of this.#changed) this.stream.send({ event: 'record', data: changed });
      this.#changed.clear();
    }, TOGETHER).unref();
  }

  #now(): object {
    const { generation, url } = this.#restarter;
    const processes = this.#processes.list.map((one) => ({ ...one, memory: this.#memory.get(one.pid) ?? null }));
    return { generation: generation ?? null, url: url ?? null, processes };
  }

  #onClients(count: number): void {
    if (count > 0 && this.#sampling === undefined) {
      this.#sampling = setInterval(() => void this.#sample(), MEMORY_INTERVAL).unref();
      void this.#sample();
    }
    if (count === 0) {
      clearInterval(this.#sampling);
      this.#sampling = undefined;
    }
  }

  async #sample(): Promise<void> {
    const pids = this.#processes.list.map(({ pid }) => pid);
    this.#memory = await readMemory(pids);
    if (process.platform === 'linux' || process.platform === 'darwin') {
      for (const pid of pids) if (!this.#memory.has(pid)) this.#processes.ended(pid);
    }
    this.stream.send({ event: 'memory', data: this.#now() });
  }
}
