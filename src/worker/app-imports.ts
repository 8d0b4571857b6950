import { readFileSync } from 'node:fs';
import { isBuiltin } from 'node:module';
import { pathToFileURL } from 'node:url';
import { init, parse, type Import } from 'es-module-lexer';
import type { ModuleImport } from '../protocol.ts';

/**
 * What a file imports, in the order of its source; undefined when it can't be read as an ES module. `known`: what it
 * imported before; a specifier that was known then is not looked for again.
 */
export async function readImports(
  file: string,
  known: readonly ModuleImport[] = [],
): Promise<ModuleImport[] | undefined> {
  await init;
  let imports: readonly Import[];
  try {
    [imports] = parse(readFileSync(file, 'utf8'));
  } catch {
    return undefined;
  }
  return imports.flatMap((found): ModuleImport[] => {
    const specifier = specifierOf(found);
    if (found.type === 'import-meta' || specifier === undefined || isBuiltin(specifier)) return [];
    const isDynamic = found.type === 'dynamic';
    const isData = found.attributesStart > -1;
    const before = known.find((one) => one.specifier === specifier && one.isDynamic === isDynamic);
    return [{ specifier, isDynamic, isData, url: before ? before.url : resolve(specifier, file) }];
  });
}

/** Compiles what reads imports, so that it is at hand when the app is to be loaded. */
export async function warmImports(): Promise<void> {
  await init;
  parse("import 'warm';");
}

/** undefined: nothing that would be evaluated, or not as it stands there. */
function specifierOf(found: Import): string | undefined {
  switch (found.type) {
    case 'static':
    case 'reexport-star':
      return found.typeOnly || found.phase ? undefined : found.specifier;
    case 'dynamic':
      return found.glob || found.phase ? undefined : found.specifier;
    case 'import-meta':
      return undefined;
    default:
      return found satisfies never;
  }
}

function resolve(specifier: string, file: string): string | null {
  try {
    // The second parameter needs --experimental-import-meta-resolve, with which every worker is started.
    return import.meta.resolve(specifier, pathToFileURL(file).href);
  } catch {
    return null;
  }
}
