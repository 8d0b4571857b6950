/**
 * Each name once, with how often it comes when that is more than once; of more than `most` the first ones, and how many
 * there are besides.
 */
export function countNames(names: readonly string[], most: number = Infinity): string[] {
  const counts = new Map<string, number>();
  for (const name of names) counts.set(name, (counts.get(name) ?? 0) + 1);
  const all = Array.from(counts, ([name, count]) => (count > 1 ? `${name} (${count})` : name));
  const more = all.length - most;
  return more > 1 ? [...all.slice(0, most), `${more} more`] : all;
}
