import { createHook } from 'node:async_hooks';

/** What goes on after the code that began it has returned, as Node's async_hooks call it. */
const LATER = new Set([
  ...['Timeout', 'Immediate', 'FSREQCALLBACK', 'FSEVENTWRAP', 'STATWATCHER', 'WORKER', 'PROCESSWRAP', 'TCPWRAP'],
  ...['TCPCONNECTWRAP', 'TCPSERVERWRAP', 'PIPECONNECTWRAP', 'UDPWRAP', 'GETADDRINFOREQWRAP', 'QUERYWRAP'],
]);

/** process.nextTick() and queueMicrotask(): a cold start comes to it when the whole app is evaluated. */
const SOON = new Set(['TickObject', 'Microtask']);

const OF_PACKAGE = /[\\/]node_modules[\\/]/;
const SOON_OF_PACKAGE = /(?:process\.nextTick|queueMicrotask).*\n.*[\\/]node_modules[\\/]/;

/** What code of a package has begun while it was evaluated. */
export interface AsyncUse {
  /** Something goes on when it has been evaluated. */
  goesOn: boolean;
  /** It has waited for something, so that a cold start goes on with others meanwhile. */
  hasWaited: boolean;
}

/** Notes what code of a package begins while `task` runs. */
export async function withAsyncRecord(task: () => Promise<void>): Promise<AsyncUse> {
  const pending = new Set<number>();
  let isSoon = false;
  let hasWaited = false;
  const hook = createHook({
    init: (id, type) => {
      // The module loader begins some, too, and so do built-in modules on behalf of a package.
      if (SOON.has(type) && SOON_OF_PACKAGE.test(String(new Error().stack))) isSoon = true;
      else if (LATER.has(type) && OF_PACKAGE.test(String(new Error().stack))) pending.add(id);
    },
    // A module that awaits at its top level waits for what it began.
    after: (id) => {
      if (pending.delete(id)) hasWaited = true;
    },
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
  return { goesOn: isSoon || pending.size > 0, hasWaited };
}
