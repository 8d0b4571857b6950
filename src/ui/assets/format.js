const clock = new Intl.DateTimeFormat(undefined, {
  hour: '2-digit',
  minute: '2-digit',
  second: '2-digit',
  hourCycle: 'h23',
});
const day = new Intl.DateTimeFormat(undefined, { dateStyle: 'full', timeStyle: 'medium' });

export const time = (at) => clock.format(at);
export const date = (at) => day.format(at);

/** With a digit behind the point below 10 ms. */
export function ms(value) {
  if (value >= 10_000) return `${(value / 1000).toFixed(1)} s`;
  return `${value >= 9.95 ? Math.round(value) : value.toFixed(1).replace(/\.0$/, '')} ms`;
}

/** In decimal units, as in the terminal. */
export function bytes(count) {
  let value = count;
  for (const unit of ['B', 'kB', 'MB']) {
    const digits = unit === 'B' || value >= 99.95 ? 0 : 1;
    if (Math.round(value) < 1000) return `${value.toFixed(digits).replace(/\.0$/, '')} ${unit}`;
    value /= 1000;
  }
  return `${value.toFixed(1)} GB`;
}

export const count = (number, noun) => `${number} ${noun}${number === 1 ? '' : 's'}`;

/** The first changed file, and how many more. */
export function reason([first, ...more]) {
  if (first === undefined) return '';
  return short(first) + (more.length > 0 ? ` +${more.length}` : '');
}

const LONGEST_PATH = 26;

/** The end of a path says more than its beginning. */
function short(file) {
  const folders = file.split(/[\\/]/);
  let kept = folders.pop();
  if (file.length <= LONGEST_PATH || folders.length === 0) return file;
  while (kept.length + folders.at(-1).length < LONGEST_PATH - 3) kept = `${folders.pop()}/${kept}`;
  return `…/${kept}`;
}
