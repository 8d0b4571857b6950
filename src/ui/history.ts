import type { RestarterEvents, Step } from '../primary/events.ts';
import { displayPath } from '../terminal/display-path.ts';
import type { FailureText } from './failure-text.ts';
import type { HistoryRecord } from './record.ts';

/** So many are kept. */
const MOST_RECORDS = 500;

/** An app may warn at each request. */
const MOST_WARNINGS = 20;

type Detail<E extends keyof RestarterEvents> = RestarterEvents[E][0];

/** Makes records of the events of a restarter. Each method is told one, and returns the record that it has changed. */
export class History {
  readonly records: HistoryRecord[] = [];
  readonly #cwd: string;
  readonly #now: () => number;
  #lastId = 0;
  #running: HistoryRecord | undefined;
  /** What has changed since the running one has begun to load: it is for the next. */
  #reason = new Set<string>();
  #at: number | undefined;
  /** Told before there was a record. */
  #earlyWarnings: string[] = [];

  /** `now`: milliseconds since the epoch. */
  constructor(cwd: string, now: () => number = Date.now) {
    this.#cwd = cwd;
    this.#now = now;
  }

  change({ reason }: Detail<'change'>): HistoryRecord | undefined {
    const names = reason.map((name) => displayPath(name, this.#cwd));
    const running = this.#running;
    if (running && running.step === undefined) {
      running.reason = [...new Set([...running.reason, ...names])];
      return running;
    }
    for (const name of names) this.#reason.add(name);
    this.#at ??= this.#now();
    return running ? undefined : this.#begin();
  }

  loading({ generation }: Detail<'loading'>): HistoryRecord {
    const record = this.#running ?? this.#begin();
    return Object.assign(record, { generation, step: 'loading' as const });
  }

  step(step: Step): HistoryRecord | undefined {
    return this.#running && Object.assign(this.#running, { step });
  }

  committed({ generation, totalMs, pauseMs, phases }: Detail<'committed'>): HistoryRecord {
    const record = this.#end('committed');
    // The file system has told of the change before anybody else did.
    record.at = this.#now() - totalMs;
    return Object.assign(record, { generation, totalMs, pauseMs, phases: phases.map(roundedPhase) });
  }

  receipt(receipt: Detail<'receipt'>): HistoryRecord | undefined {
    const { generation, reason, connectionsMoved, held, longestHoldMs, stateBytes, stateKeys } = receipt;
    const record = this.#committed(generation);
    const names = reason.map((name) => displayPath(name, this.#cwd));
    const costs = { reason: names, connectionsMoved, held, longestHoldMs, stateBytes, stateKeys };
    return record && Object.assign(record, costs);
  }

  /** `failure` is told of when it has been described. */
  rolledBack({ generation, reason }: Detail<'rolledBack'>): HistoryRecord {
    const record = this.#end('failed');
    const names = reason.map((name) => displayPath(name, this.#cwd));
    return Object.assign(record, { generation, reason: names, totalMs: this.#now() - record.at });
  }

  failure(record: HistoryRecord, failure: FailureText): HistoryRecord {
    return Object.assign(record, { failure });
  }

  superseded(): HistoryRecord | undefined {
    const record = this.#running;
    if (!record) return undefined;
    // What it was for is for the next one.
    const reason = [...record.reason, ...this.#reason];
    this.#end('superseded');
    this.#reason = new Set(reason);
    this.#at ??= this.#now();
    return Object.assign(record, { totalMs: this.#now() - record.at });
  }

  crashed({ generation }: Detail<'crashed'>, failure: FailureText): HistoryRecord {
    return this.#add({ outcome: 'crashed', reason: [], generation, failure });
  }

  finished({ generation }: Detail<'finished'>): HistoryRecord {
    return this.#add({ outcome: 'finished', reason: [], generation });
  }

  drained({ generation, ended, report }: Detail<'drained'>): HistoryRecord | undefined {
    const record = this.#committed(generation + 1);
    if (!record) return undefined;
    const ms = Math.max(0, this.#now() - record.at - (record.totalMs ?? 0));
    return Object.assign(record, { drained: { ms, ended, report } });
  }

  warning({ message }: Detail<'warning'>): HistoryRecord | undefined {
    const record = this.#running ?? this.records.at(-1);
    const warnings = record ? (record.warnings ??= []) : this.#earlyWarnings;
    if (warnings.length < MOST_WARNINGS) warnings.push(message);
    return record;
  }

  #begin(): HistoryRecord {
    this.#running = this.#add({ outcome: 'running', reason: [...this.#reason] }, this.#at);
    this.#reason.clear();
    this.#at = undefined;
    return this.#running;
  }

  #end(outcome: 'committed' | 'failed' | 'superseded'): HistoryRecord {
    const record = this.#running ?? this.#begin();
    this.#running = undefined;
    delete record.step;
    return Object.assign(record, { outcome });
  }

  #add(record: Omit<HistoryRecord, 'id' | 'at'>, at: number = this.#now()): HistoryRecord {
    const added: HistoryRecord = { id: ++this.#lastId, at, ...record };
    if (this.#earlyWarnings.length > 0) added.warnings = this.#earlyWarnings.splice(0);
    this.records.push(added);
    if (this.records.length > MOST_RECORDS) this.records.shift();
    return added;
  }

  #committed(generation: number): HistoryRecord | undefined {
    return this.records.findLast((record) => record.outcome === 'committed' && record.generation === generation);
  }
}

function roundedPhase<T extends { ms: number }>(phase: T): T {
  return { ...phase, ms: Math.round(phase.ms * 100) / 100 };
}
