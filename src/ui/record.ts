import type { PhaseTime, Step } from '../primary/events.ts';
import type { StateKey } from '../protocol.ts';
import type { FailureText } from './failure-text.ts';

/** What became of a restart; `crashed` and `finished` are ends of a generation that nobody had asked for. */
export type Outcome = 'running' | 'committed' | 'failed' | 'superseded' | 'crashed' | 'finished';

/** An entry of the history, as the page gets it. Times in milliseconds. */
export interface HistoryRecord {
  /** Its place in the history, from 1. */
  id: number;
  /** When it began, since the epoch. */
  at: number;
  outcome: Outcome;
  /** How far one has come that is running; undefined: the app is not loaded yet. */
  step?: Step;
  /** The changed files, as a person in the working folder calls them, or a word such as `crash`. */
  reason: string[];
  generation?: number;
  totalMs?: number;
  pauseMs?: number;
  phases?: PhaseTime[];
  connectionsMoved?: number;
  held?: number;
  longestHoldMs?: number;
  stateBytes?: number;
  stateKeys?: StateKey[];
  failure?: FailureText;
  /** The end of the generation that was replaced: how long after the commit, and what had to be cut. */
  drained?: { ms: number; ended: boolean; report: string[] };
  warnings?: string[];
}
