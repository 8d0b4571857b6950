import nodeFs, { readdirSync, statSync } from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const SYNC = ['accessSync', 'existsSync', 'lstatSync', 'openSync', 'readFileSync', 'readdirSync', 'statSync'];
const ASYNC = ['access', 'createReadStream', 'lstat', 'open', 'readFile', 'readdir', 'stat'];

type Functions = Record<string, (...args: unknown[]) => unknown>;

let record: Set<string> | undefined;

/**
 * Lets withFileRecord() see which files are read. node:fs offers no way to ask: its functions are replaced, for good, so
 * that whoever keeps one keeps the same as everybody else.
 */
export function watchFileReads(): void {
  const fs = nodeFs as unknown as Functions & { promises: Functions };
  for (const name of [...SYNC, ...ASYNC]) wrap(fs, name);
  for (const name of ASYNC) if (fs.promises[name]) wrap(fs.promises, name);
  syncBuiltinESMExports();
}

/** What a file is like; two that are alike are taken for the same. A name that ends with a separator: what is in a folder. */
export function contentOf(file: string): string {
  try {
    if (file.endsWith(path.sep)) return readdirSync(file).join('\0');
    const stats = statSync(file);
    return stats.isFile() ? `${stats.mtimeMs} ${stats.size} ${stats.ino}` : 'none, but there';
  } catch {
    return '';
  }
}

/**
 * The files, outside of packages, that are looked at while `task` runs, and what they are like then; a folder that is
 * listed with a separator at its end.
 */
export async function withFileRecord(task: () => Promise<void>): Promise<Map<string, string>> {
  const files = (record = new Set<string>());
  try {
    await task();
  } finally {
    record = undefined;
  }
  return new Map([...files].map((file) => [file, contentOf(file)]));
}

function wrap(functions: Functions, name: string): void {
  const original = functions[name] as Functions[string];
  const wrapper = {
    [name](this: unknown, ...args: unknown[]): unknown {
      if (record && !isWriting(name, args[1])) note(args[0], name.startsWith('readdir'));
      return Reflect.apply(original, this, args);
    },
  }[name] as Functions[string];
  // Such as realpathSync.native, or the symbol under which util.promisify finds the other form.
  Object.defineProperties(wrapper, Object.getOwnPropertyDescriptors(original));
  functions[name] = wrapper;
}

/** A log that is opened while others write to it is nothing that anyone looks at. */
function isWriting(name: string, flags: unknown): boolean {
  return name.startsWith('open') && typeof flags === 'string' && !flags.startsWith('r');
}

function note(file: unknown, isListed: boolean): void {
  try {
    const name = file instanceof URL ? fileURLToPath(file) : Buffer.isBuffer(file) ? file.toString() : file;
    if (typeof name !== 'string') return;
    const absolute = path.resolve(name);
    if (!/[\\/]node_modules(?:[\\/]|$)/.test(absolute))
      record?.add(isListed ? path.join(absolute, path.sep) : absolute);
  } catch {
    // What is no path at all, node:fs itself refuses.
  }
}
