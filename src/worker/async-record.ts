import { createHook } from 'node:async_hooks';

/** What goes on after the code that began it has returned, as Node's async_hooks call it. */
const LATER = new Set([
  ...['Timeout', 'Immediate', 'FSREQCALLBACK', 'FSEVENTWRAP', 'STATWATCHER', 'WORKER', 'PROCESSWRAP', 'TCPWRAP'],
  ...['TCPCONNECTWRAP', 'TCPSERVERWRAP', 'PIPECONNECTWRAP', 'UDPWRAP', 'GETADDRINFOREQWRAP', 'QUERYWRAP'],
]);

/** process.nextTick(): a cold start comes to it when the whole app is evaluated. */
const TICK = 'TickObject';

const OF_PACKAGE = /[\\/]node_modules[\\/]/;
const TICK_OF_PACKAGE = /process\.nextTick.*\n.*[\\/]node_modules[\\/]/;

/** Whether code of a package begins, while `task` runs, something that goes on when it has ended. */
export async function withAsyncRecord(task: () => Promise<void>): Promise<boolean> {
  const pending = new Set<number>();
  let hasTicks = false;
  const hook = createHook({
    init: (id, type) => {
      // The module loader begins some, too, and so do built-in modules on behalf of a package.
      if (type === TICK && TICK_OF_PACKAGE.test(String(new Error().stack))) hasTicks = true;
      else if (LATER.has(type) && OF_PACKAGE.test(String(new Error().stack))) pending.add(id);
    },
    // A module that awaits at its top level waits for what it began.
    after: (id) => void pending.delete(id),
  });
  const { stackTraceLimit } = Error;
  Error.stackTraceLimit = 30;
  hook.enable();
  try {
    await task();
  } finally {
    hook.disable();
    Error.stackTraceLimit = stackTraceLimit;
  }
  return hasTicks || pending.size > 0;
}
