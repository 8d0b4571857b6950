import { ChildProcess } from 'node:child_process';
import { REPORT_ENV } from '../protocol.ts';

type Spawn = (this: ChildProcess, options: { envPairs?: string[] }) => unknown;

/**
 * Node reads the variable for as long as modules are loaded, so it has to stay in the environment; but a child
 * process of the app would inherit it and report to the app. ChildProcess.prototype.spawn is what every way to
 * start one goes through (lib/internal/child_process.js, Node 20–26).
 */
export function keepReportsFromChildren(): void {
  const prototype = ChildProcess.prototype as unknown as { spawn?: Spawn };
  const { spawn } = prototype;
  if (!spawn) return;
  prototype.spawn = function (options) {
    const envPairs = options.envPairs?.filter((pair) => !pair.startsWith(`${REPORT_ENV}=`));
    return spawn.call(this, envPairs ? { ...options, envPairs } : options);
  };
}
