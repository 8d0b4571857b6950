import Module from 'node:module';

/** Node 22.10 and later. */
interface CompileCacheApi {
  enableCompileCache?: (folder: string) => unknown;
  flushCompileCache?: () => void;
}

const { enableCompileCache, flushCompileCache } = Module as CompileCacheApi;

/**
 * From here on what V8 has compiled, and Node has stripped of types, is read from the folder the next time. Node lets
 * NODE_COMPILE_CACHE and NODE_DISABLE_COMPILE_CACHE go first.
 */
export function useCompileCache(folder: string | false): void {
  // With it, coverage would be less precise.
  if (folder !== false && process.env['NODE_V8_COVERAGE'] === undefined) enableCompileCache?.(folder);
}

/** Writes what is new, as Node does on exit. For thousands of modules that takes its time, the first time. */
export function writeCompileCache(): void {
  flushCompileCache?.();
}
