import type { HandoverError } from '../errors.ts';
import type { StateKey, WireError } from '../protocol.ts';
import type { SlowStep } from './progress.ts';

/** The steps of a handover, in their order. */
export type Step = 'loading' | 'prepared' | 'quiesced' | 'captured' | 'ready' | 'committed';

/**
 * A part of a restart's time:
 * - detect: from the system's word to the knowledge that a file's content has changed
 * - wait: more changes are awaited (`restartDelay`, a stream of changes), or the end of a handover under way
 * - boot: the worker was not warm yet
 * - quiesce: requests in flight are answered
 * - capture, restore: the state is serialized and sent; received and made anew
 * - load, prepare, start: the app's own steps; without runWorker() `start` is from the end of its code until it listens
 * - commit: all that is left: messages, and the switch itself
 */
export interface PhaseTime {
  name: 'detect' | 'wait' | 'boot' | 'quiesce' | 'capture' | 'restore' | 'load' | 'prepare' | 'start' | 'commit';
  ms: number;
}

/** What a restart cost, as one line tells it. Times in milliseconds. */
export interface Receipt {
  /** The changed files (absolute), or a word such as `crash`. */
  reason: string[];
  generation: number;
  /** From the system's word of the change to the commit. */
  totalMs: number;
  /** The parts of that time, in their order; they add up to it. */
  phases: PhaseTime[];
  /** How long nothing served. */
  pauseMs: number;
  connectionsMoved: number;
  /** New connections that waited for the commit. */
  held: number;
  longestHoldMs: number;
  stateBytes: number;
  /** The parts of the state, the largest first; none where they are not known, as after a crash. */
  stateKeys: StateKey[];
}

export interface Failure {
  error: WireError;
  /** The generation that failed to start. */
  generation: number;
  /** The generation that serves on; undefined: none. */
  serving: number | undefined;
  reason: string[];
  /** The files that the failed generation had loaded. */
  files: string[];
}

export interface Ended {
  generation: number;
  code: number | null;
  signal: NodeJS.Signals | null;
}

/** The events of a ProcessRestarter, with their arguments. */
export interface RestarterEvents {
  /** Files changed, or restart() was called. */
  change: [{ reason: string[] }];
  /** A standby waits, as warm as it gets. `preloaded`: URLs and paths of what it has evaluated, without what those load. */
  standby: [{ pid: number; preloaded: string[] }];
  /** A standby takes long to become warm. `evaluates`: the package that it evaluates just now. */
  warming: [{ pid: number; evaluates: string | undefined }];
  /** The next generation loads the app. */
  loading: [{ generation: number; pid: number }];
  /** Its start takes long; told again when it has come to another step. */
  starting: [{ generation: number; pid: number; step: SlowStep }];
  /** It has come as far as it gets without the state. */
  prepared: [{ generation: number; pid: number }];
  /** The old generation takes no new request and has answered those in flight. */
  quiesced: [{ generation: number; pid: number }];
  /** Its state has been taken. */
  captured: [{ generation: number; pid: number }];
  /** The next generation could serve. */
  ready: [{ generation: number; pid: number }];
  /** The next generation serves. */
  committed: [{ generation: number; pid: number; totalMs: number; pauseMs: number; phases: PhaseTime[] }];
  /** What the restart cost; follows the commit as soon as the idle connections have moved. */
  receipt: [Receipt];
  /** The next generation could not start; the old one serves on. */
  rolledBack: [Failure];
  /** A newer change took the place of a handover. */
  superseded: [{ generation: number }];
  /** The end of a generation takes long. `waitsFor`: whom it waits for, by name; told again when that changes. */
  draining: [{ generation: number; pid: number; waitsFor: string[] }];
  /** An old generation has ended; `ended` is false when something had to be cut or killed. */
  drained: [{ generation: number; pid: number; ended: boolean; report: string[] }];
  /** The serving generation died. `waits`: it has died too often and is replaced at the next save. */
  crashed: [Ended & { error: WireError | undefined; waits: boolean }];
  /** The app ended by itself, with nothing left to serve; the next save starts it again. */
  finished: [Ended];
  /** Debuggers attach at this URL, whichever generation runs. */
  inspector: [{ url: string }];
  /** The page of the restarts is served at this URL. */
  page: [{ url: string }];
  /** `inspectBrk`: a generation is not loaded before one has attached. */
  waitsForDebugger: [{ generation: number }];
  /** The app asks for its standard input. */
  readsInput: [{ pid: number }];
  warning: [{ message: string; error?: HandoverError }];
  /** stop() is through. */
  stopped: [];
}
