import { isMainThread, parentPort } from 'node:worker_threads';
import { WORKER_ENV, type WorkerConfig } from '../protocol.ts';
import { useCompileCache } from './compile-cache.ts';

// Every worker is started with `--import` of this module. While its promise is pending Node has not looked at
// the app's entry: that is the standby. Then Node itself runs the entry, as the main module that it is.
const config = process.env[WORKER_ENV];
if (isMainThread && config !== undefined) {
  delete process.env[WORKER_ENV];
  hideBootstrap();
  const parsed = JSON.parse(config) as WorkerConfig;
  useCompileCache(parsed.compileCache);
  const { WorkerRuntime } = await import('./worker-runtime.ts');
  await WorkerRuntime.boot(parsed);
} else if (!isMainThread) {
  // A thread of the app has inherited the options of Node.js.
  hideBootstrap();
  const { withholdThreadReports } = await import('./thread-reports.ts');
  // oxlint-disable-next-line unicorn/require-post-message-target-origin -- the port of a thread, not a window
  withholdThreadReports((report) => parentPort?.postMessage(report));
}

/** A process that the app forks, or a thread forks, inherits process.execArgv; it is no worker of ours. */
function hideBootstrap(): void {
  const at = process.execArgv.indexOf(import.meta.url);
  if (at > 0) process.execArgv.splice(at - 2, 3);
}
