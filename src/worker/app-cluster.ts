import cluster, { type Worker } from 'node:cluster';
import { once } from 'node:events';
import { withTimeout } from '../timers.ts';

/**
 * Lets the workers of the app's own cluster answer what they have begun, and end. After `timeout` ms they are ended;
 * returns those.
 */
export async function endAppCluster(timeout: number): Promise<string[]> {
  const lists = await Promise.all(workers().map((worker) => end(worker, timeout)));
  // An app forks another one for each that ends.
  for (const worker of workers()) worker.process.kill('SIGKILL');
  return lists.flat();
}

/** The workers that have not ended, by name. */
export function appClusterWorkers(): string[] {
  return workers().map(nameOf);
}

function nameOf({ id }: Worker): string {
  return `worker ${id} of the app's cluster`;
}

function workers(): Worker[] {
  return Object.values(cluster.workers ?? {}).filter((worker) => worker !== undefined);
}

async function end(worker: Worker, timeout: number): Promise<string[]> {
  const ended = once(worker, 'exit').then(() => []);
  if (worker.isConnected()) worker.disconnect();
  return withTimeout<string[]>(ended, timeout, () => {
    worker.process.kill('SIGKILL');
    return [nameOf(worker)];
  });
}
