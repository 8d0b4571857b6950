import path from 'node:path';
import type { HandoverOptions } from '../options/handover-options.ts';
import { readPackageOptions } from '../options/package-json.ts';
import { resolveOptions } from '../options/resolve-options.ts';
import type { ProcessRestarter } from './process-restarter.ts';

/**
 * Makes this process the primary: it runs the same program in workers and restarts it on every change. Options that
 * are not given come from `"handover"` in package.json. Resolves when the first generation serves or has failed.
 *
 * @throws HandoverError: an option is wrong, the entry is missing, or a primary for the same project runs already
 */
export async function runPrimary(options: HandoverOptions = {}): Promise<ProcessRestarter> {
  const entry = process.argv[1];
  const resolved = resolveOptions({
    call: options,
    packageJson: readPackageOptions(entry ? path.dirname(path.resolve(entry)) : process.cwd()),
    place: 'runPrimary()',
  });
  // A worker imports this function, too, with the rest of the package.
  const { supervise } = await import('./supervise.ts');
  return supervise(resolved, undefined);
}
