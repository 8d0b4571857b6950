import { createRequire } from 'node:module';
import path from 'node:path';
import { isDependency } from '../packages.ts';

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
