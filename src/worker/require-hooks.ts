import { readFileSync, realpathSync } from 'node:fs';
import module from 'node:module';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { TYPESCRIPT_LOADER } from '../typescript-loaders.ts';
import { loadedFirst } from './standby/loaded-first.ts';

type Load = (url: string, context: object, next: (url: string, context: object) => object) => object;

interface Hooks {
  /** From Node 22.15 on. */
  registerHooks?: (hooks: { load: Load }) => unknown;
}

/** Without a source, Node takes it from the loader of CommonJS, with what hooks that. */
const AS_COMMONJS = { format: 'commonjs', source: null, shortCircuit: true };

/**
 * Lets a loader of TypeScript that hooks require() (`--require ts-node/register`) see the entry, too. Where there is an
 * --import, as in every worker, Node loads the entry as it loads what is imported, and asks no such loader: it does not know
 * the file, or only strips its types (lib/internal/modules/run_main.js, Node 20–26).
 */
export function letRequireHooksLoad(entry: string): void {
  const isHooked = loadedFirst('require').some((name) => TYPESCRIPT_LOADER.test(name));
  const isElsewhere = loadedFirst('import').some((name) => TYPESCRIPT_LOADER.test(name));
  if (!isHooked || isElsewhere || !isCommonTypeScript(entry)) return;
  const entryUrl = pathToFileURL(realpathSync.native(entry)).href;
  const { registerHooks } = module as Hooks;
  if (registerHooks) {
    registerHooks({ load: (url, context, next) => (url === entryUrl ? AS_COMMONJS : next(url, context)) });
    return;
  }
  const source = `export const load = (url, context, next) =>
    url === ${JSON.stringify(entryUrl)} ? ${JSON.stringify(AS_COMMONJS)} : next(url, context);`;
  module.register(`data:text/javascript,${encodeURIComponent(source)}`);
}

function isCommonTypeScript(entry: string): boolean {
  return entry.endsWith('.cts') || (/\.tsx?$/.test(entry) && typeOf(path.dirname(entry)) !== 'module');
}

/** What the nearest package.json says. */
function typeOf(folder: string): unknown {
  try {
    return (JSON.parse(readFileSync(path.join(folder, 'package.json'), 'utf8')) as { type?: unknown }).type;
  } catch {
    const parent = path.dirname(folder);
    return parent === folder ? undefined : typeOf(parent);
  }
}
