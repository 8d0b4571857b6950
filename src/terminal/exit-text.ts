import type { Ended } from '../primary/events.ts';
import type { WorkerExit } from '../primary/worker-handle.ts';

/** How a process ended. */
export function describeExit({ code, signal }: WorkerExit): string {
  return signal ? `killed by ${signal}` : `exit code ${code}`;
}

/** How a generation ended that had served and should have gone on. */
export function formatCrash({ generation, ...exit }: Ended): string {
  const how = describeExit(exit);
  return `generation ${generation} ${exit.signal ? `was ${how}` : `has crashed (${how})`}`;
}
