import { stripVTControlCharacters } from 'node:util';
import { isDependency, isOwn } from '../packages.ts';
import type { Failure } from '../primary/events.ts';
import { adviceFor } from './advice.ts';
import { codeFrame } from './code-frame.ts';
import { displayPath } from './display-path.ts';
import { isUnlocatedSyntaxError, locateError } from './locate-error.ts';
import { locateInMessage } from './message-location.ts';
import { framesOf, type Location, type ThrownError } from './stack.ts';
import { plain, type Style } from './style.ts';
import { findSyntaxError } from './syntax-location.ts';
import { wrapText } from './text-width.ts';

const MOST_FRAMES = 8;

/** A generation that could not start. */
export interface StartFailure {
  error: ThrownError;
  generation: number;
  /** The generation that serves on; undefined: none. */
  serving?: number | undefined;
  /** Where it failed, when that is known better than the error tells (see locateFailure). */
  location?: Location | undefined;
  cwd?: string | undefined;
}

/**
 * A failed start as one block: what and where, the code, the app's own stack frames, what serves now. `columns`: of the
 * terminal, into which it has to fit.
 */
export function formatFailure(failure: StartFailure, style: Style = plain, columns?: number): string {
  const { error, generation, serving, cwd = process.cwd() } = failure;
  const location = failure.location ?? locateError(error);
  const [first = '', ...more] = messageLines(error);
  const where = location ? `${formatLocation(location, cwd)} ` : '';
  const frames = formatFrames(error, location, cwd);
  const headline = [
    `✗ ${where}generation ${generation} failed to start: ${first}`,
    ...more.map((line) => `  ${line}`),
  ].join('\n');
  const wrap = (text: string | undefined): string => wrapText(text ?? '', columns);
  const blocks = [
    style('red', wrap(headline)),
    location ? codeFrame(location.file, location.line, location.column, style, columns) : undefined,
    frames && style('dim', wrap(frames)),
    wrap(adviceFor(error, location)),
    wrap(
      serving === undefined
        ? 'nothing is serving; connections are held until the next save works'
        : `generation ${serving} keeps serving; the next save tries again`,
    ),
  ];
  return blocks.filter((block) => block).join('\n');
}

/** The likeliest places of the mistake in a failed start: a changed file, then what was loaded last. */
export function suspectsOf({ reason, files }: Pick<Failure, 'reason' | 'files'>): string[] {
  return [...new Set([...reason, ...files.toReversed()])];
}

/**
 * Where a failed start failed, also for a syntax error in an ES module, which is looked for in `files` (absolute;
 * the most likely ones first).
 */
export async function locateFailure(error: ThrownError, files: readonly string[]): Promise<Location | undefined> {
  const found = isUnlocatedSyntaxError(error) ? await findSyntaxError(files) : undefined;
  // The files may have changed since: another mistake in them is not this one.
  return found?.message === error.message ? found : locateError(error);
}

/** `src/app.ts:12:7` */
function formatLocation({ file, line, column }: Location, cwd: string): string {
  return `${displayPath(file, cwd)}:${line}${column === undefined ? '' : `:${column}`}`;
}

function messageLines({ name, message }: ThrownError): string[] {
  const text = stripVTControlCharacters(locateInMessage(message)?.message ?? message).trim();
  return `${name || 'Error'}${text ? `: ${text}` : ''}`.split('\n');
}

/** The stack without Node, dependencies and ourselves; nothing when it only repeats the headline. */
function formatFrames(error: ThrownError, headline: Location | undefined, cwd: string): string {
  const frames = framesOf(error).filter(
    ({ location }) => location && !isDependency(location.file) && !isOwn(location.file),
  );
  const [first] = frames;
  if (
    frames.length === 1 &&
    first?.name === undefined &&
    first?.location?.file === headline?.file &&
    first?.location?.line === headline?.line
  ) {
    return '';
  }
  return frames
    .slice(0, MOST_FRAMES)
    .map(({ name, location }) => {
      const place = formatLocation(location!, cwd);
      return `    at ${name === undefined ? place : `${name} (${place})`}`;
    })
    .join('\n');
}
