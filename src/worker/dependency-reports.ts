import { ChildProcess } from 'node:child_process';
import { createRequire } from 'node:module';
import path from 'node:path';
import { REPORT_ENV } from '../protocol.ts';
import { isDependency } from '../watch/loaded-modules.ts';

type Spawn = (this: ChildProcess, options: { envPairs?: string[] }) => unknown;

/**
 * Node reads the variable for as long as modules are loaded, so it has to stay in the environment; but a child
 * process of the app would inherit it and report to the app. ChildProcess.prototype.spawn is what every way to
 * start one goes through (lib/internal/child_process.js, Node 20–26). `onSpawn` is called for each.
 */
export function keepReportsFromChildren(onSpawn: () => void): void {
  const prototype = ChildProcess.prototype as unknown as { spawn?: Spawn };
  const { spawn } = prototype;
  if (!spawn) return;
  prototype.spawn = function (options) {
    onSpawn();
    const envPairs = options.envPairs?.filter((pair) => !pair.startsWith(`${REPORT_ENV}=`));
    return spawn.call(this, envPairs ? { ...options, envPairs } : options);
  };
}

/**
 * The CommonJS files of the app that are loaded, and what each has required, in that order. Node does not report one
 * that it came across earlier, while it looked for the names that an imported file re-exports
 * (`module.exports = require('./app')`).
 */
export function requiredFiles(): Record<string, string[]> {
  const required: Record<string, string[]> = {};
  const { cache } = createRequire(import.meta.url);
  for (const file in cache) {
    if (isDependency(file) || !path.isAbsolute(file)) continue;
    required[file] = (cache[file]?.children ?? []).map((child) => child.filename);
  }
  return required;
}
