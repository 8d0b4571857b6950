import { mkdir } from 'node:fs/promises';
import path from 'node:path';

/** How long a short lock is waited for, in milliseconds: longer than a holder that was killed in it counts as one. */
const WAIT = 3000;
const RETRY = 50;
/** When the lock of a killed holder may be broken, in milliseconds; the least that proper-lockfile allows. */
const STALE = 2000;

/**
 * Runs the callback while no other process is between reading and writing the file. Short: for milliseconds.
 * Rejects with the code ELOCKED when it could not be had in time; with `isVital` the callback runs all the same.
 */
export async function withLock<T>(
  file: string,
  callback: () => Promise<T>,
  { isVital = false }: { isVital?: boolean } = {},
): Promise<T> {
  const release = await acquireShortLock(file, isVital);
  try {
    return await callback();
  } finally {
    await release();
  }
}

async function acquireShortLock(file: string, isVital: boolean): Promise<() => Promise<void>> {
  // Loaded when needed: it listens for signals, which in a worker are the app's to handle.
  const { lock } = (await import('proper-lockfile')).default;
  await mkdir(path.dirname(file), { recursive: true, mode: 0o700 });
  const wait = isVital ? WAIT / 10 : WAIT;
  try {
    const release = await lock(file, {
      realpath: false,
      stale: STALE,
      retries: { retries: wait / RETRY, factor: 1, minTimeout: RETRY, maxTimeout: RETRY },
      // The work is done before anybody could have taken the lock; the default would throw out of a timer.
      onCompromised: () => {},
    });
    // It may have been broken meanwhile (a laptop that slept): then there is nothing left to release.
    return () => release().catch(() => {});
  } catch (error) {
    if (!isVital) throw error;
    return async () => {};
  }
}
