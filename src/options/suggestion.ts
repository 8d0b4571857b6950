/** The name among `known` that a mistyped one most likely means. */
export function closestName(name: string, known: readonly string[]): string | undefined {
  const typed = bare(name);
  let closest: string | undefined;
  // A third of the letters may be wrong: `wtach` means watch, `port` means nothing of ours.
  let least = Math.floor(typed.length / 3) + 1;
  for (const candidate of known) {
    const distance = editDistance(typed, bare(candidate));
    if (distance < least) {
      least = distance;
      closest = candidate;
    }
  }
  return closest;
}

/** `--restart-delay`, `restart_delay` and `restartDelay` are one name. */
function bare(name: string): string {
  return name.toLowerCase().replaceAll(/[^a-z]/g, '');
}

/** Insertions, deletions, substitutions and swaps of neighbours (optimal string alignment). */
function editDistance(a: string, b: string): number {
  let beforeLast: number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const substitution = last[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1);
      row[j] = Math.min(last[j]! + 1, row[j - 1]! + 1, substitution);
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1])
        row[j] = Math.min(row[j]!, beforeLast[j - 2]! + 1);
    }
    beforeLast = last;
    last = row;
  }
  return last[b.length]!;
}
