import type { ProcessRestarter } from '../primary/process-restarter.ts';
import type { SlowStep } from '../primary/progress.ts';
import { describeExit, formatCrash } from './exit-text.ts';
import { suspectsOf } from './failure.ts';
import { Terminal } from './terminal.ts';

/** Where a start that takes long is. */
const STEPS: Record<SlowStep, string> = {
  boot: 'its process boots',
  load: 'its code is being loaded',
  prepare: 'prepare() has not resolved',
  state: 'it waits for the state',
  start: 'start() has not resolved',
  listen: 'it does not listen yet',
  ready: "it has not called process.send('ready')",
  busy: 'its code keeps the event loop busy',
};

/** Tells the person what a restarter does, a line for each restart. */
export function reportTo(terminal: Terminal, restarter: ProcessRestarter): void {
  restarter.on('loading', () => terminal.newAttempt());
  restarter.on('starting', ({ generation, step }) => {
    terminal.hint(`… generation ${generation} is still starting: ${STEPS[step]}`);
  });
  // It may be the same after each restart.
  restarter.once('warming', ({ evaluates }) => {
    const what = evaluates === undefined ? '' : `: it evaluates ${evaluates}`;
    terminal.hint(`… the standby for the next restart is still warming${what}`);
  });
  // As Node.js says it: editors look for that.
  restarter.on('inspector', ({ url }) => {
    terminal.info(`Debugger listening on ${url}\nFor help, see: https://nodejs.org/en/docs/inspector`);
  });
  // Below the first receipt, where it is looked for.
  restarter.on('page', ({ url }) => restarter.once('receipt', () => terminal.hint(`restarts: ${url}`)));
  restarter.on('waitsForDebugger', ({ generation }) => {
    terminal.hint(`… generation ${generation} waits for a debugger to attach`);
  });
  restarter.on('receipt', (receipt) => terminal.receipt(receipt));
  restarter.on('rolledBack', (failure) => void terminal.failure(failure, suspectsOf(failure)));
  restarter.on('crashed', ({ waits, ...ended }) => {
    const next = waits
      ? ', the third in 10 s; the next save starts it again'
      : '; it is replaced, from its last checkpoint';
    terminal.error(`${formatCrash(ended)}${next}`);
  });
  restarter.on('finished', ({ generation, ...exit }) => {
    terminal.info(`generation ${generation} has ended (${describeExit(exit)}); the next save starts it again`);
  });
  restarter.on('draining', ({ generation, waitsFor }) => {
    // Else another one serves, and nobody waits.
    const isAwaited = (restarter.generation ?? generation) === generation && process.stdin.isTTY;
    const remedy = isAwaited ? '; Ctrl+C ends it at once' : '';
    terminal.hint(`… generation ${generation} has not ended yet: ${waitsFor.join(', ')}${remedy}`);
  });
  restarter.on('drained', ({ generation, report }) => {
    for (const line of report) terminal.warn(`generation ${generation}: ${line}`);
  });
  restarter.on('warning', ({ message }) => terminal.warn(message));
}
