import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { isDependency, isOwn } from '../packages.ts';
import { originals } from './source-map.ts';

/** A place in a file; line and column count from 1. */
export interface Location {
  file: string;
  line: number;
  column?: number;
}

export interface Frame {
  /** The function, with `async` and the like; undefined at the top level. */
  name: string | undefined;
  /** Undefined for Node's own code and for code without a file. */
  location: Location | undefined;
}

export interface ThrownError {
  name: string;
  message: string;
  stack?: string | undefined;
  code?: string | undefined;
}

/** `at name (place)`, or `at place` with an optional `async `. */
const FRAME = /^\s+at (?:(.+) \((.+)\)|(async )?(.+))$/;
/** What the top level of a module is called: of CommonJS, and where a source map was applied. */
const TOP_LEVEL = /^(?:Object\.)?<anonymous>$/;
const PLACE = /^(.+?):(\d+):(\d+)$/;
/** `file:3` above a source line and its caret: how V8 and Node decorate the stack of a syntax error. */
const DECORATION = /^(\S.*?):(\d+)\n/;

/** The frames of a V8 stack; those of compiled code of the app are where its source has them. */
export function framesOf(error: ThrownError): Frame[] {
  const { stack = '', message } = error;
  // The message may have lines that look like frames.
  const at = message === '' ? -1 : stack.indexOf(message);
  const trace = at === -1 ? stack : stack.slice(at + message.length);
  const toOriginal = originals();
  return trace
    .split('\n')
    .map((line) => FRAME.exec(line))
    .filter((match) => match !== null)
    .map(([, named, place, , bare]) => {
      const location = parsePlace(place ?? bare ?? '');
      const isApp = location && !isDependency(location.file) && !isOwn(location.file);
      return {
        name: named && TOP_LEVEL.test(named) ? undefined : named,
        location: isApp ? toOriginal(location) : location,
      };
    });
}

/** The place, and what is said about it, that precede an error's stack or what Node prints of it. */
export function decorationOf(text: string): (Location & { message?: string }) | undefined {
  const match = DECORATION.exec(text);
  const file = match && toFile(match[1]!);
  if (!match || !file) return undefined;
  // What Node says of TypeScript begins with a line that is empty.
  const lines = text.slice(match[0].length).replace(/^\n+/, '').split('\n');
  const end = lines.indexOf('');
  const caret = (end === -1 ? lines : lines.slice(0, end)).find((line) => /^\s*\^+\s*$/.test(line));
  const message = lines.find((line) => /^\w*Error\b.*: /.test(line))?.replace(/^.*?: /, '');
  return {
    file,
    line: Number(match[2]),
    ...(caret !== undefined && { column: caret.indexOf('^') + 1 }),
    ...(message !== undefined && { message }),
  };
}

function parsePlace(place: string): Location | undefined {
  const match = PLACE.exec(place);
  const file = match && toFile(match[1]!);
  return file ? { file, line: Number(match[2]), column: Number(match[3]) } : undefined;
}

/** The absolute path of a file: URL (loaders add a query) or path; undefined for anything else, such as `node:fs`. */
function toFile(text: string): string | undefined {
  if (!text.startsWith('file://')) return path.isAbsolute(text) ? text : undefined;
  try {
    return fileURLToPath(text.replace(/[?#].*$/, ''));
  } catch {
    return undefined;
  }
}
