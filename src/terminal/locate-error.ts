import { isDependency, isOwn } from '../packages.ts';
import { locateInMessage } from './message-location.ts';
import { originals } from './source-map.ts';
import { decorationOf, framesOf, type Location, type ThrownError } from './stack.ts';

/**
 * Where an error came from: what its message or its decorated stack names, else its first frame in the app, else
 * its first frame in a dependency. Undefined when it has none of these.
 */
export function locateError(error: ThrownError): Location | undefined {
  const named = locateInMessage(error.message) ?? decorationOf(error.stack ?? '');
  if (named && !isOwn(named.file)) return originals()(toLocation(named));
  const locations = framesOf(error)
    .map(({ location }) => location)
    .filter((location) => location !== undefined && !isOwn(location.file));
  return locations.find((location) => !isDependency(location!.file)) ?? locations[0];
}

/**
 * Whether the engine refused to compile a module without telling where: for an ES module the place is only in what
 * Node prints when it crashes, not in the error's stack.
 */
export function isUnlocatedSyntaxError(error: ThrownError): boolean {
  if (error.name !== 'SyntaxError' || locateInMessage(error.message) || decorationOf(error.stack ?? '')) return false;
  return /^\s+at compileSourceTextModule \(node:internal\//m.test(error.stack ?? '');
}

function toLocation({ file, line, column }: Location): Location {
  return { file, line, ...(column !== undefined && { column }) };
}
