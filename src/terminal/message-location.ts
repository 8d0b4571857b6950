import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { locateJsonError } from './json-error.ts';
import type { Location } from './stack.ts';

/** esbuild, which tsx and others compile with; its columns count from 0. */
const ESBUILD = /^(.+?):(\d+):(\d+): ERROR: (.*)$/m;
/** TypeScript, which ts-node reports with: `a.ts(3,5): error TS1005: …` or `a.ts:3:5 - error TS1005: …`. */
const TYPESCRIPT = /^(.+?)[:(](\d+)[:,](\d+)\)?(?::| -) error (TS\d+: .*)$/m;
/** swc, whose message is a picture: `x what is wrong`, `,-[a.ts:3:1]`, the source with a caret, and where swc is at fault. */
const SWC = /^\s*[x×] (.+(?:\n\s*[|│] .+)*)\n\s*[,╭][-─]\[(.+):(\d+):(\d+)\]\n([\s\S]*?)\n\s*[`╰][-─]/;
/** Node's error for JSON that is imported or required. */
const JSON_FILE = /^(\S.*\.json): ([\s\S]*)$/;
/** Node's error for an import that leads nowhere; its stack has no frame of the module that imports. */
const MISSING_IMPORT = /^Cannot find (?:package|module) '(.+?)' imported from (.+)$/m;

/** The place that an error's message names, and the message without it. */
export function locateInMessage(message: string): (Location & { message: string }) | undefined {
  const esbuild = ESBUILD.exec(message);
  if (esbuild) return place(esbuild, 1);
  const typescript = TYPESCRIPT.exec(message);
  if (typescript) return place(typescript, 0);
  const swc = SWC.exec(message);
  if (swc) return inPicture(swc);
  const json = JSON_FILE.exec(message);
  const inJson = json && path.isAbsolute(json[1]!) ? locateJsonError(json[1]!) : undefined;
  if (json && inJson) return { ...inJson, message: json[2]! };
  const missing = MISSING_IMPORT.exec(message);
  const importer = missing ? locateImport(missing[1]!, missing[2]!) : undefined;
  return importer && { ...importer, message };
}

function place([, file, line, column, message]: RegExpExecArray, firstColumn: 0 | 1): Location & { message: string } {
  return {
    file: sourceOf(path.resolve(file!)),
    line: Number(line),
    column: Number(column) + firstColumn,
    message: message!,
  };
}

function inPicture([, what, file, line, column, picture]: RegExpExecArray): Location & { message: string } {
  const caret = /^ *[:·]( .*?)[\^─┬]/m.exec(picture!)?.[1];
  return {
    file: path.resolve(file!),
    line: Number(line),
    // Without a caret it is the end of the file.
    column: caret?.length ?? Number(column),
    message: what!.replaceAll(/\n\s*[|│] /g, ' '),
  };
}

/** tsx calls a.mts and a.cts a.ts. */
function sourceOf(file: string): string {
  const names = [file, file.replace(/\.ts$/, '.mts'), file.replace(/\.ts$/, '.cts')];
  return names.find((name) => existsSync(name)) ?? file;
}

/** The first line of a module that names what it imports; a resolved path is looked for by its last part. */
function locateImport(specifier: string, importer: string): Location | undefined {
  const name = path.isAbsolute(specifier) ? path.basename(specifier) : specifier;
  try {
    const file = importer.startsWith('file://') ? fileURLToPath(importer) : importer;
    const lines = readFileSync(file, 'utf8').split('\n');
    const index = lines.findIndex((line) => /\b(import|from|require)\b/.test(line) && line.includes(name));
    return index === -1 ? undefined : { file, line: index + 1, column: lines[index]!.indexOf(name) + 1 };
  } catch {
    return undefined;
  }
}
