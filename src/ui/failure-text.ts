import type { Failure, RestarterEvents } from '../primary/events.ts';
import { codeFrame } from '../terminal/code-frame.ts';
import { formatCrash } from '../terminal/exit-text.ts';
import { formatFailure, locateFailure, suspectsOf } from '../terminal/failure.ts';
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

async function describe(failure: Failure, cwd: string): Promise<FailureText> {
  const location = await locateFailure(failure.error, suspectsOf(failure));
  return split(formatFailure({ ...failure, location, cwd }));
}

/** How a generation ended that had served. */
export function describeCrash({ error, waits, ...ended }: RestarterEvents['crashed'][0]): FailureText {
  const location = error && locateError(error);
  const lines = [
    formatCrash(ended),
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
