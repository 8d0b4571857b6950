import type { Receipt } from '../primary/events.ts';
import { displayPath } from './display-path.ts';
import { shortenPath, textWidth } from './text-width.ts';

export type { Receipt } from '../primary/events.ts';

/** Below this many columns a path says nothing. */
const SHORTEST_PATH = 12;

/**
 * What a restart cost, as one line. `in`: from the noticed change to the commit. The parentheses: what the new
 * generation did in that time, each step (load, prepare, restore, start) that took a millisecond or more, and
 * `pause`, the part of it in which nothing served. What is zero is left out. In a narrow terminal so is what matters
 * least: the steps, then the state, then what was moved and held, then the pause, at last the begin of the path.
 */
export function formatReceipt(receipt: Receipt, cwd: string = process.cwd(), columns: number = Infinity): string {
  const { generation, totalMs, connectionsMoved, held, longestHoldMs, stateBytes } = receipt;
  const reason = formatReason(receipt.reason, cwd);
  const pause = timesOf([{ name: 'pause', ms: receipt.pauseMs }]);
  const costs = [...timesOf(receipt.phases), ...pause];
  const moved = connectionsMoved > 0 ? [`${plural(connectionsMoved, 'connection')} moved`] : [];
  const longest = `${held > 1 ? 'longest' : 'for'} ${milliseconds(longestHoldMs)}`;
  const holds = held > 0 ? [`${plural(held, 'request')} held, ${longest}`] : [];
  const state = stateBytes > 0 ? [`state ${bytes(stateBytes)}`] : [];
  const main = `generation ${generation} in ${milliseconds(totalMs)}`;
  const line = (why: string, parentheses: readonly string[], ...tail: readonly string[]): string =>
    [`↻ ${why ? `${why} → ` : ''}${main}${inParentheses(parentheses)}`, ...tail].join(' · ');
  const lines = [
    line(reason, costs, ...moved, ...holds, ...state),
    line(reason, pause, ...moved, ...holds, ...state),
    line(reason, pause, ...moved, ...holds),
    line(reason, pause, ...moved),
    line(reason, pause),
    line(reason, []),
  ];
  const fitting = lines.find((one) => textWidth(one) <= columns);
  if (fitting !== undefined) return fitting;
  const room = columns - textWidth(line('', [])) - textWidth(' → ');
  return line(shortenPath(reason, Math.max(room, SHORTEST_PATH)), []);
}

function timesOf(phases: readonly { name: string; ms: number }[]): string[] {
  return phases.filter(({ ms }) => Math.round(ms) >= 1).map(({ name, ms }) => `${name} ${Math.round(ms)}`);
}

function inParentheses(parts: readonly string[]): string {
  return parts.length > 0 ? ` (${parts.join(' · ')})` : '';
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
