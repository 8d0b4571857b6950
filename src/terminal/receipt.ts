import type { Receipt } from '../primary/events.ts';
import { displayPath } from './display-path.ts';

export type { Receipt } from '../primary/events.ts';

/**
 * What a restart cost, as one line. `in`: from the noticed change to the commit. The parentheses: what the new
 * generation did in that time, each step (load, prepare, restore, start) that took a millisecond or more, and
 * `pause`, the part of it in which nothing served. What is zero is left out.
 */
export function formatReceipt(receipt: Receipt, cwd: string = process.cwd()): string {
  const { generation, totalMs, connectionsMoved, held, longestHoldMs, stateBytes } = receipt;
  const reason = formatReason(receipt.reason, cwd);
  const costs = [...receipt.phases, { name: 'pause', ms: receipt.pauseMs }]
    .filter(({ ms }) => Math.round(ms) >= 1)
    .map(({ name, ms }) => `${name} ${Math.round(ms)}`);
  const parts = [
    `↻ ${reason ? `${reason} → ` : ''}generation ${generation} in ${milliseconds(totalMs)}${costs.length > 0 ? ` (${costs.join(' · ')})` : ''}`,
  ];
  if (connectionsMoved > 0) parts.push(`${plural(connectionsMoved, 'connection')} moved`);
  if (held > 0)
    parts.push(`${plural(held, 'request')} held, ${held > 1 ? 'longest' : 'for'} ${milliseconds(longestHoldMs)}`);
  if (stateBytes > 0) parts.push(`state ${bytes(stateBytes)}`);
  return parts.join(' · ');
}

/** The first changed file, and how many more. */
export function formatReason(reason: readonly string[], cwd: string): string {
  const [first, ...more] = reason;
  if (first === undefined) return '';
  return displayPath(first, cwd) + (more.length > 0 ? ` +${more.length}` : '');
}

function milliseconds(ms: number): string {
  return ms < 0.5 ? '<1 ms' : `${Math.round(ms)} ms`;
}

function plural(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}

/** In decimal units, with one digit behind the point below 100. */
function bytes(count: number): string {
  let value = count;
  for (const unit of ['B', 'kB', 'MB', 'GB']) {
    const digits = unit === 'B' || value >= 99.95 ? 0 : 1;
    // 999.6 kB would round to 1000 kB.
    if (Math.round(value) < 1000 || unit === 'GB') return `${value.toFixed(digits).replace(/\.0$/, '')} ${unit}`;
    value /= 1000;
  }
  return `${count} B`;
}
