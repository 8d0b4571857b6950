import cluster from 'node:cluster';
import { HandoverError } from '../errors.ts';
import type { HandoverOptions } from '../options/handover-options.ts';
import { reportJson } from '../terminal/json-reporter.ts';
import { listenForKeys } from '../terminal/keys.ts';
import { reportTo } from '../terminal/reporter.ts';
import { Terminal } from '../terminal/terminal.ts';
import { workerMark } from '../worker-mark.ts';
import { ProcessRestarter } from './process-restarter.ts';
import type { RestartCommand } from './program.ts';
import { endOnSignals } from './signals.ts';

/** The whole of a primary: the restarter, what it tells the person, and how it ends. */
export async function supervise(
  options: HandoverOptions,
  restartCommand: RestartCommand | undefined,
): Promise<ProcessRestarter> {
  if (cluster.isWorker) {
    throw new HandoverError(
      'WRONG_PROCESS',
      'runPrimary() was called in a worker; guard it with cluster.isPrimary and call runWorker() else',
    );
  }
  // Its entry tells primary and worker apart, and handover runs it as the app.
  await workerMark()?.();
  const { watch, ignore, keys, json, ...rest } = options;
  const restarter = new ProcessRestarter({
    ...rest,
    ...(watch && { watchPaths: watch }),
    ...(ignore && { ignorePatterns: ignore }),
  });
  if (restartCommand) restarter.setCallbacks({ restartCommand });
  if (json) {
    reportJson(restarter);
  } else {
    const terminal = new Terminal();
    reportTo(terminal, restarter);
    const isPerson = process.stdin.isTTY && process.stderr.isTTY && !process.env['CI'];
    if (keys && isPerson) listenForKeys(restarter, terminal);
  }
  if (process.env['NODE_ENV'] === 'production') {
    const message = 'NODE_ENV is production, and handover is for development; in production start the entry with node';
    restarter.emit('warning', { message });
  }
  endOnSignals(restarter);
  await restarter.start();
  return restarter;
}
