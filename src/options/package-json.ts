import { readFileSync } from 'node:fs';
import path from 'node:path';
import { HandoverError, messageOf } from '../errors.ts';
import { foldersAbove } from '../folders-above.ts';

/** The package that a file belongs to. */
export interface NearestPackage {
  /** Its package.json, absolute. */
  file: string;
  /** Its `"version"`, when that is a string. */
  version: string | undefined;
  /** The whole content. */
  content: Record<string, unknown>;
}

/** What `"handover"` in a package.json says. */
export interface PackageOptions {
  /** The package.json, absolute. */
  file: string;
  options: Record<string, unknown>;
}

/**
 * The nearest package.json of a file or folder: there or in the nearest folder above; undefined: there is none.
 *
 * @throws HandoverError INVALID_OPTION when it is not a JSON object or cannot be read
 */
export function nearestPackage(from: string): NearestPackage | undefined {
  for (const folder of foldersAbove(path.resolve(from))) {
    const file = path.join(folder, 'package.json');
    const text = readIfExists(file);
    if (text === undefined) continue;
    const content = parse(file, text);
    const { version } = content;
    return { file, version: typeof version === 'string' ? version : undefined, content };
  }
  return undefined;
}

/**
 * The options under `"handover"` in the nearest package.json; undefined: there are none.
 *
 * @throws HandoverError INVALID_OPTION when package.json is broken or `"handover"` is not an object
 */
export function readPackageOptions(from: string): PackageOptions | undefined {
  const nearest = nearestPackage(from);
  if (!nearest || !Object.hasOwn(nearest.content, 'handover')) return undefined;
  const options = nearest.content['handover'];
  if (!isObject(options)) {
    throw new HandoverError(
      'INVALID_OPTION',
      `"handover" in ${nearest.file}: expected an object such as {"watch": ["config"]}, got ${JSON.stringify(options)}`,
    );
  }
  return { file: nearest.file, options };
}

function readIfExists(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8');
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    // ENOTDIR: the search began at a file. EISDIR: a folder of that name.
    if (code === 'ENOENT' || code === 'ENOTDIR' || code === 'EISDIR') return undefined;
    throw new HandoverError('INVALID_OPTION', `${file} can't be read: ${messageOf(cause)}; make it readable`, {
      cause,
    });
  }
}

function parse(file: string, text: string): Record<string, unknown> {
  let content: unknown;
  try {
    // As Node and npm do: a byte order mark is not content.
    content = JSON.parse(text.replace(/^\uFEFF/, ''));
  } catch (cause) {
    throw new HandoverError('INVALID_OPTION', `${file} is not valid JSON: ${messageOf(cause)}; correct it`, { cause });
  }
  if (!isObject(content)) {
    throw new HandoverError(
      'INVALID_OPTION',
      `${file}: expected a JSON object, got ${JSON.stringify(content)}; correct it`,
    );
  }
  return content;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
