import type { Failure, RestarterEvents } from '../primary/events.ts';
import { codeFrame } from '../terminal/code-frame.ts';
import { formatFailure, locateFailure } from '../terminal/failure.ts';
import { locateError } from '../terminal/locate-error.ts';

/** A failure as the terminal would show it, without colours. */
export interface FailureText {
  /** Its first line, without the mark. */
  title: string;
  /** All other lines: more of the message, the code, the stack, what serves. */
  body: string;
}

const texts = new WeakMap<Failure, Promise<FailureText>>();

/** Finding a syntax error takes a moment; what is told to several is looked for once. */
export function describeFailure(failure: Failure, cwd: string): Promise<FailureText> {
  const known = texts.get(failure);
  if (known) return known;
  const text = describe(failure, cwd);
  texts.set(failure, text);
  return text;
}

async function describe({ error, generation, serving, reason, files }: Failure, cwd: string): Promise<FailureText> {
  // The likeliest places of a mistake: a changed file, then what was loaded last.
  const location = await locateFailure(error, [...new Set([...reason, ...files.toReversed()])]);
  return split(formatFailure({ error, generation, serving, location, cwd }));
}

/** How a generation ended that had served. */
export function describeCrash({ generation, code, signal, error, waits }: RestarterEvents['crashed'][0]): FailureText {
  const how = signal ? `was killed by ${signal}` : `has crashed (exit code ${code})`;
  const location = error && locateError(error);
  const lines = [
    `generation ${generation} ${how}`,
    error && `${error.name}: ${error.message}`,
    location && codeFrame(location.file, location.line, location.column),
    waits
      ? 'it was the third crash in 10 s; the next save starts it again'
      : 'it is replaced, from its last checkpoint',
  ];
  return split(lines.filter((line) => line).join('\n'));
}

function split(text: string): FailureText {
  const [title = '', ...body] = text.split('\n');
  return { title: title.replace(/^✗ /, ''), body: body.join('\n') };
}
