import { readFileSync } from 'node:fs';
import { createRequire, isBuiltin } from 'node:module';
import { pathToFileURL } from 'node:url';
import { init, parse, type Import } from 'es-module-lexer';
import type { FileImports, ModuleFormat, ModuleImport } from '../../protocol.ts';
import { requirePrologue } from './require-prologue.ts';

/**
 * What a file imports, or requires before any of its code runs. `known`: what it did before; what was found then is not
 * looked for again.
 */
export async function readImports(
  file: string,
  format: ModuleFormat,
  known: readonly ModuleImport[] | null = null,
): Promise<FileImports> {
  await init;
  try {
    const source = readFileSync(file, 'utf8');
    const read = format === 'import' ? importsOf : requiresOf;
    return { format, list: read(source, file, known ?? []) };
  } catch {
    return { format, list: null };
  }
}

/** Throws when it is no source of an ES module. */
function importsOf(source: string, file: string, known: readonly ModuleImport[]): ModuleImport[] {
  const [imports] = parse(source);
  return imports.flatMap((found): ModuleImport[] => {
    const specifier = specifierOf(found);
    if (found.type === 'import-meta' || specifier === undefined || isBuiltin(specifier)) return [];
    const isDynamic = found.type === 'dynamic';
    const isData = found.attributesStart > -1;
    const before = known.find((one) => one.specifier === specifier && one.isDynamic === isDynamic);
    const url = before?.url ?? resolveAs.import(specifier, file);
    return [{ specifier, isDynamic, isData, hasLooked: false, url }];
  });
}

function requiresOf(source: string, file: string, known: readonly ModuleImport[]): ModuleImport[] {
  return requirePrologue(source)
    .filter(({ specifier }) => !isBuiltin(specifier))
    .map(({ specifier, hasLooked }) => {
      const before = known.find((one) => one.specifier === specifier);
      const url = before?.url ?? resolveAs.require(specifier, file);
      return { specifier, isDynamic: false, isData: false, hasLooked, url };
    });
}

/** Something of each kind that a module may begin with. */
const EXAMPLE = `#!/usr/bin/env node
// a comment
/* another */
import all, { one as two } from 'one';
import * as three from 'three';
export { four } from 'four';
import data from './five.json' with { type: 'json' };
const { six } = await import('six');
export const seven = \`\${all}\` + /[a-z]\\//.test('x') + import.meta.url;
export default function eight() { return { two, three, data, six, 'nine': 1 / 2 }; }
`;

/** Compiles what reads imports, which is done at its first use, so that it is at hand when the app is to be loaded. */
export async function warmImports(): Promise<void> {
  await init;
  parse(EXAMPLE);
  requirePrologue("const { warm } = require('warm');");
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

/** The URL that a file gets under a specifier; null: there is none. */
export const resolveAs: Record<ModuleFormat, (specifier: string, file: string) => string | null> = {
  import(specifier, file) {
    try {
      // The second parameter needs --experimental-import-meta-resolve, with which every worker is started.
      return import.meta.resolve(specifier, pathToFileURL(file).href);
    } catch {
      return null;
    }
  },
  require(specifier, file) {
    try {
      return pathToFileURL(createRequire(file).resolve(specifier)).href;
    } catch {
      return null;
    }
  },
};
