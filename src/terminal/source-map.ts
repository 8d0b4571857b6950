import { existsSync, readFileSync, statSync } from 'node:fs';
import { SourceMap, type SourceMapPayload } from 'node:module';
import { fileURLToPath, pathToFileURL } from 'node:url';
import type { Location } from './stack.ts';

/** Reading the map of a larger bundle would hold up the process that owns the ports. */
const LARGEST_FILE = 20_000_000;
const COMPILED = /\.[cm]?jsx?$/;
/** The last line that is not empty. */
const COMMENT = /(?:^|\n)\/\/[#@]\s*sourceMappingURL=(\S+)\s*$/;
const INLINE = /^data:application\/json[^,]*?(;base64)?,(.*)$/s;

interface FileMap {
  map: SourceMap;
  /** What the names of sources are relative to. */
  base: URL;
}

/**
 * A function that tells where in its source a place in compiled code comes from. Without `--enable-source-maps` a stack
 * names the compiled file, which has its map beside it or in it. A place that has no source that is there stays as it is.
 */
export function originals(): (location: Location) => Location {
  const maps = new Map<string, FileMap | undefined>();
  return (location) => {
    const { file } = location;
    if (!COMPILED.test(file)) return location;
    if (!maps.has(file)) maps.set(file, readMap(file));
    const found = maps.get(file);
    return (found && originalOf(location, found)) ?? location;
  };
}

function originalOf({ line, column }: Location, { map, base }: FileMap): Location | undefined {
  const entry = map.findEntry(line - 1, (column ?? 1) - 1);
  // Else it is the last one of an earlier line.
  if (!('originalSource' in entry) || entry.generatedLine !== line - 1) return undefined;
  const file = sourceFile(entry.originalSource, base);
  if (file === undefined) return undefined;
  return { file, line: entry.originalLine + 1, ...(column !== undefined && { column: entry.originalColumn + 1 }) };
}

/** undefined: it is not there. Bundlers name sources in ways of their own, such as `webpack://app/a.ts`. */
function sourceFile(name: string, base: URL): string | undefined {
  try {
    const file = fileURLToPath(new URL(name, base));
    return existsSync(file) ? file : undefined;
  } catch {
    return undefined;
  }
}

function readMap(file: string): FileMap | undefined {
  try {
    if (statSync(file).size > LARGEST_FILE) return undefined;
    const comment = COMMENT.exec(readFileSync(file, 'utf8'))?.[1];
    if (comment === undefined) return undefined;
    const inline = INLINE.exec(comment);
    const url = inline ? pathToFileURL(file) : new URL(comment, pathToFileURL(file));
    const text = inline ? decode(inline) : readFileSync(url, 'utf8');
    const payload = JSON.parse(text) as SourceMapPayload;
    const base = payload.sourceRoot ? new URL(payload.sourceRoot.replace(/\/?$/, '/'), url) : url;
    return { map: new SourceMap(payload), base };
  } catch {
    // There is none, or it is none.
    return undefined;
  }
}

function decode([, base64, data = '']: RegExpExecArray): string {
  return base64 ? Buffer.from(data, 'base64').toString() : decodeURIComponent(data);
}
