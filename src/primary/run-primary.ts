import cluster from 'node:cluster';
import path from 'node:path';
import { HandoverError } from '../errors.ts';
import { readPackageOptions, resolveOptions, type HandoverOptions } from '../options.ts';
import { reportTo } from '../terminal/reporter.ts';
import { Terminal } from '../terminal/terminal.ts';
import { workerMark } from '../worker-mark.ts';
import { ProcessRestarter } from './process-restarter.ts';
import type { RestartCommand } from './program.ts';
import { endOnSignals } from './signals.ts';

/**
 * Makes this process the primary: it runs the same program in workers and restarts it on every change. Options that
 * are not given come from `"handover"` in package.json. Resolves when the first generation serves or has failed.
 *
 * @throws HandoverError: an option is wrong, the entry is missing, or a primary for the same project runs already
 */
export async function runPrimary(options: HandoverOptions = {}): Promise<ProcessRestarter> {
  const entry = process.argv[1];
  return superviseProgram(
    resolveOptions({
      call: options,
      packageJson: readPackageOptions(entry ? path.dirname(path.resolve(entry)) : process.cwd()),
      place: 'runPrimary()',
    }),
    undefined,
  );
}

/** The whole of a primary: the restarter, what it tells the person, and how it ends. */
export async function superviseProgram(
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
  const { watch, ignore, ...rest } = options;
  const restarter = new ProcessRestarter({
    ...rest,
    ...(watch && { watchPaths: watch }),
    ...(ignore && { ignorePatterns: ignore }),
  });
  if (restartCommand) restarter.setCallbacks({ restartCommand });
  reportTo(new Terminal(), restarter);
  endOnSignals(restarter);
  await restarter.start();
  return restarter;
}
