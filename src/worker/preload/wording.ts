import type { ObjectChange } from './object-record.ts';

/** What has changed, as a cause names it. */
export function labelOf({ owner, name }: ObjectChange): string {
  if (name === undefined) return `what can be added to ${owner}`;
  return owner === 'globalThis' ? `the global ${name}` : `${owner}.${name}`;
}

/** Names as a cause lists them: the first three, and how many there are besides. */
export function listed(names: readonly string[]): string {
  return names.length > 3 ? `${names.slice(0, 3).join(', ')} and ${names.length - 3} more` : names.join(', ');
}
