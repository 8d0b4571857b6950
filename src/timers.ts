/** The longest delay a Node.js timer can take, about 24.8 days. */
export const LONGEST_TIMER: number = 2 ** 31 - 1;

/** Stands for an open handle: keeps the process alive until it is cleared, or unref() is called. */
export function keepAlive(): NodeJS.Timeout {
  return setInterval(() => {}, LONGEST_TIMER);
}

/**
 * Resolves after `ms` milliseconds. `ref: false`: the process may end meanwhile. Unlike that of node:timers/promises it
 * goes by the global setTimeout(), in whose place the simulation has its own.
 */
export function delay(ms: number, { ref = true }: { ref?: boolean } = {}): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, ms);
    if (!ref) timer.unref();
  });
}

/** The result of a promise, or of `onTimeout` when it has not settled after `ms` milliseconds. */
export async function withTimeout<T>(promise: Promise<T>, ms: number, onTimeout: () => T): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const timeout = new Promise<T>((resolve) => {
    timer = setTimeout(() => resolve(onTimeout()), ms);
  });
  try {
    return await Promise.race([promise, timeout]);
  } finally {
    clearTimeout(timer);
  }
}
