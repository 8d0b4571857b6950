import type { ProcessRestarter } from '../primary/process-restarter.ts';
import { Terminal } from './terminal.ts';

/** Tells the person what a restarter does, a line for each restart. */
export function reportTo(terminal: Terminal, restarter: ProcessRestarter): void {
  restarter.on('loading', () => terminal.newAttempt());
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
