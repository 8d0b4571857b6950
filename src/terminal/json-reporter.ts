import type { RestarterEvents } from '../primary/events.ts';
import type { ProcessRestarter } from '../primary/process-restarter.ts';
import type { TerminalStream } from './terminal.ts';

type EventName = keyof RestarterEvents;

/** All of them: the compiler tells when one is missing. */
const EVENTS: Record<EventName, true> = {
  change: true,
  standby: true,
  warming: true,
  loading: true,
  starting: true,
  prepared: true,
  quiesced: true,
  captured: true,
  ready: true,
  committed: true,
  receipt: true,
  rolledBack: true,
  superseded: true,
  draining: true,
  drained: true,
  crashed: true,
  finished: true,
  inspector: true,
  page: true,
  waitsForDebugger: true,
  readsInput: true,
  warning: true,
  stopped: true,
};

/** Tells a program what a restarter does: each event as a line of JSON, with its name and its time. Default: on stderr. */
export function reportJson(restarter: ProcessRestarter, stream: TerminalStream = process.stderr): void {
  for (const event of Object.keys(EVENTS) as EventName[]) {
    restarter.on(event, (detail?: object) => {
      const time = new Date().toISOString();
      stream.write(`${JSON.stringify({ event, time, ...detail }, errorsAsData)}\n`);
    });
  }
}

function errorsAsData(_key: string, value: unknown): unknown {
  if (!(value instanceof Error)) return value;
  const { name, message, code } = value as NodeJS.ErrnoException;
  return { name, message, ...(code !== undefined && { code }) };
}
