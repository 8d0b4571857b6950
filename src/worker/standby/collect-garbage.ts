import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

/**
 * Frees what a standby has used up on its way, while nobody waits: V8 does so for the first time at some megabytes, which
 * would be while the app is loaded, and takes 7 ms or more. From then on it waits until the heap has grown by its half.
 */
export function collectGarbage(): void {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  // The app's own contexts are not to have it.
  setFlagsFromString('--no-expose-gc');
  collect();
}
