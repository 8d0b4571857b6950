import { fileURLToPath } from 'node:url';
import type { AppRuntime, ModuleFormat } from '../protocol.ts';
import type { LoadedModules } from '../watch/loaded-modules.ts';
import { isTypeScript } from './typescript.ts';

/** What an app imports of this package; an app with a copy of its own loads that as a dependency. */
const API = fileURLToPath(new URL('../index.js', import.meta.url));

/** What the generation with these modules runs on. */
export function runtimeOf({ files, imported, dependencies, required }: LoadedModules): AppRuntime {
  const formats = new Set<ModuleFormat>();
  for (const file of required.keys()) if (isTypeScript(file)) formats.add('require');
  for (const file of imported) if (isTypeScript(file) && !required.has(file)) formats.add('import');
  return { typescript: [...formats], api: files.has(API) || dependencies.has(API) };
}

/** What of a runtime there is more than in another. */
export function missingIn({ typescript, api }: AppRuntime, other: AppRuntime): AppRuntime {
  return { typescript: typescript.filter((format) => !other.typescript.includes(format)), api: api && !other.api };
}
