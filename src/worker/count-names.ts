/** More names than these only fill the screen. */
const MOST_NAMES = 5;

/** Each name once, with how often it comes when that is more than once; of many the first ones, and how many more. */
export function countNames(names: readonly string[]): string[] {
  const counts = new Map<string, number>();
  for (const name of names) counts.set(name, (counts.get(name) ?? 0) + 1);
  const all = Array.from(counts, ([name, count]) => (count > 1 ? `${name} (${count})` : name));
  const more = all.length - MOST_NAMES;
  return more > 1 ? [...all.slice(0, MOST_NAMES), `${more} more`] : all;
}
