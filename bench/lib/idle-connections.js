import { once } from 'node:events';
import path from 'node:path';
import { withProcess } from './processes.js';
import { BENCH } from './project.js';
import { withTimeout } from './time.js';

const ANSWER_TIMEOUT = 120_000;

/** Keeps that many idle connections to a port open while the task lasts. */
export function withIdleConnections(port, count, task) {
  const args = [path.join(BENCH, 'lib', 'idle-client.js'), String(port)];
  return withProcess(process.execPath, args, { ipc: true }, async ({ child }) => {
    const tell = async (message, what) => {
      const answer = once(child, 'message');
      child.send(message);
      const [result] = await withTimeout(answer, ANSWER_TIMEOUT, what);
      return result;
    };
    await tell({ open: count }, `${count} open connections`);
    // One request after the other, on each connection.
    return task({ ask: () => tell({ ask: true }, `answers on ${count} connections`) });
  });
}
