// The command line tool and the app may each have a copy of this package: both know this mark.
const MARK = Symbol.for('handover.worker');

type WithMark = typeof globalThis & { [MARK]?: () => Promise<never> };

/**
 * Marks this process as a worker of a primary. `beInCluster` starts the app once more, as a worker of a cluster, and
 * never resolves.
 */
export function markWorker(beInCluster: () => Promise<never>): void {
  (globalThis as WithMark)[MARK] = beInCluster;
}

/** undefined: this process is no worker. */
export function workerMark(): (() => Promise<never>) | undefined {
  return (globalThis as WithMark)[MARK];
}
