import { randomUUID } from 'node:crypto';
import { rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import os from 'node:os';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { REPORT_ENV, type ModuleFormat } from '../../protocol.ts';

/** TypeScript that can't be parsed: a loader has to compile it to say so, and nothing is evaluated or cached. */
const BROKEN = 'const x: number = ;';

type EmitWarning = (...args: unknown[]) => void;

/**
 * Starts what compiles TypeScript, which loaders do at the first file: a process (esbuild, under tsx) or WebAssembly
 * (Node itself). Returns a function that says the warnings which that has given: a cold start gives them when it
 * loads the app.
 */
export async function warmTypeScript(formats: readonly ModuleFormat[]): Promise<() => void> {
  const held: unknown[][] = [];
  const process_ = process as unknown as { emitWarning: EmitWarning };
  const { emitWarning } = process_;
  const report = process.env[REPORT_ENV];
  process_.emitWarning = (...args) => void held.push(args);
  delete process.env[REPORT_ENV];
  try {
    for (const format of formats) await withBrokenFile(format, compile[format]);
  } finally {
    process_.emitWarning = emitWarning;
    if (report !== undefined) process.env[REPORT_ENV] = report;
  }
  return () => {
    for (const args of held.splice(0)) process_.emitWarning(...args);
  };
}

const compile: Record<ModuleFormat, (file: string) => unknown> = {
  import: (file) => import(pathToFileURL(file).href),
  require: (file) => createRequire(file)(file) as unknown,
};

async function withBrokenFile(format: ModuleFormat, task: (file: string) => unknown): Promise<void> {
  const file = path.join(os.tmpdir(), `handover-${randomUUID()}.${format === 'import' ? 'mts' : 'cts'}`);
  try {
    // Its content is its own, too: there are loaders that cache by content.
    writeFileSync(file, `${BROKEN} // ${path.basename(file)}`, { flag: 'wx' });
    await task(file);
  } catch {
    // As expected; or there is no such loader, which the app will say.
  } finally {
    rmSync(file, { force: true });
  }
}
