import { existsSync } from 'node:fs';
import path from 'node:path';
import { isUnlocatedSyntaxError } from './locate-error.ts';
import type { Location, ThrownError } from './stack.ts';

const MISSING_JS = /^Cannot find module '(.+\.[cm]?)js' imported from /;
const BY_TSX = 'start with --exec-arg=--import=tsx to have tsx compile it (npm install --save-dev tsx)';

/** What helps against an error that tells only half of it: TypeScript that Node does not run by itself. */
export function adviceFor(error: ThrownError, location: Location | undefined): string | undefined {
  const { code, message } = error;
  const isUnknown = code === 'ERR_UNKNOWN_FILE_EXTENSION' && /"\.[cm]?tsx?"/.test(message);
  // Its types could be stripped, and what is left is no JavaScript: decorators.
  const isLeft = location && /\.[cm]?ts$/.test(location.file) && isUnlocatedSyntaxError(error);
  if (code === 'ERR_UNSUPPORTED_TYPESCRIPT_SYNTAX' || isUnknown || isLeft) {
    return `Node.js itself strips types and no more; ${BY_TSX}`;
  }
  const missing = MISSING_JS.exec(message)?.[1];
  const source = ['ts', 'tsx'].find((extension) => missing !== undefined && existsSync(missing + extension));
  const name = path.basename(`${missing}${source}`);
  return source && `there is ${name}, which Node.js takes for no other name; import it by its own, or ${BY_TSX}`;
}
