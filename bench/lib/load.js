import { once } from 'node:events';
import path from 'node:path';
import { withProcess } from './processes.js';
import { BENCH } from './project.js';
import { withTimeout } from './time.js';

/** Loads a port for so many milliseconds; resolves with what lib/load-client.js tells. */
export function loadOf(options) {
  const args = [path.join(BENCH, 'lib', 'load-client.js'), JSON.stringify(options)];
  return withProcess(process.execPath, args, { ipc: true }, async ({ child }) => {
    const [result] = await withTimeout(once(child, 'message'), options.milliseconds + 10_000, 'end of the load');
    return result;
  });
}
