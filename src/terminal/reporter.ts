import type { ProcessRestarter } from '../primary/process-restarter.ts';
import { Terminal } from './terminal.ts';

/** A start that takes longer is told of, in milliseconds. */
const SLOW = 2000;

/** Tells the person what a restarter does, a line for each restart. */
export function reportTo(terminal: Terminal, restarter: ProcessRestarter): void {
  let slow: NodeJS.Timeout | undefined;
  restarter.on('loading', ({ generation }) => {
    terminal.newAttempt();
    clearTimeout(slow);
    slow = setTimeout(() => terminal.hint(`… generation ${generation} is still starting`), SLOW).unref();
  });
  for (const event of ['committed', 'rolledBack', 'superseded'] as const) restarter.on(event, () => clearTimeout(slow));
  // As Node.js says it: editors look for that.
  restarter.on('inspector', ({ url }) => {
    terminal.info(`Debugger listening on ${url}\nFor help, see: https://nodejs.org/en/docs/inspector`);
  });
  restarter.on('waitsForDebugger', ({ generation }) => {
    terminal.hint(`… generation ${generation} waits for a debugger to attach`);
  });
  restarter.on('receipt', (receipt) => terminal.receipt(receipt));
  restarter.on('rolledBack', ({ error, generation, serving, reason, files }) => {
    // The likeliest places of a mistake: a changed file, then what was loaded last.
    void terminal.failure({ error, generation, serving }, [...new Set([...reason, ...files.toReversed()])]);
  });
  restarter.on('crashed', ({ generation, code, signal, waits }) => {
    const how = signal ? `was killed by ${signal}` : `has crashed (exit code ${code})`;
    terminal.error(
      waits
        ? `generation ${generation} ${how}, the third in 10 s; the next save starts it again`
        : `generation ${generation} ${how}; it is replaced, from its last checkpoint`,
    );
  });
  restarter.on('finished', ({ generation, code }) => {
    terminal.info(`generation ${generation} has ended (exit code ${code}); the next save starts it again`);
  });
  restarter.on('drained', ({ generation, report }) => {
    for (const line of report) terminal.warn(`generation ${generation}: ${line}`);
  });
  restarter.on('warning', ({ message }) => terminal.warn(message));
}
