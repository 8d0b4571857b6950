/** The value below which that part (0 to 1) of the values lies, by nearest rank; undefined of none. */
export function percentile(values, part) {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil(part * sorted.length) - 1)];
}

/** The mean of the two in the middle when their number is even. */
export function median(values) {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 0 ? (sorted[middle - 1] + sorted[middle]) / 2 : sorted[middle];
}

/** As a figure of a result: more digits would tell of a precision that isn't there. Never -0. */
export function round(value, digits = 1) {
  return value === undefined || Number.isNaN(value) ? null : Number(value.toFixed(digits)) + 0;
}
