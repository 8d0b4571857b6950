import type { ResolvedOptions } from '../options/handover-options.ts';
import type { FileImports, Misspeculation, StateKey, WireError } from '../protocol.ts';
import type { PhaseTime, Step } from './events.ts';
import type { Inspector } from './inspector/inspector.ts';
import type { Retirements } from './retirements.ts';
import type { Router } from './router.ts';
import type { StateBytes } from './state-bytes.ts';
import type { StandbyHandle } from './standby-handle.ts';
import type { WorkerHandle } from './worker-handle.ts';

type OptionName =
  | 'readyTimeout'
  | 'quiesceTimeout'
  | 'checkpointInterval'
  | 'overlap'
  | 'fresh'
  | 'waitReady'
  | 'restartArgs';

/** What a handover works on. */
export interface HandoverTask {
  router: Router;
  retirements: Retirements;
  options: Pick<ResolvedOptions, OptionName>;
  /** Undefined: no debugger can attach. */
  inspector: Inspector | undefined;
  /** The generation that serves; undefined on the first boot and after a crash. */
  old: WorkerHandle | undefined;
  next: StandbyHandle;
  generation: number;
  /** The last state that is known: of the last capture, checkpoint or snapshot. */
  state: StateBytes | undefined;
  /** What changed files imported before (see the message `load`). */
  changed: Record<string, FileImports>;
  /** Aborted with the reason 'superseded' or 'stopped'. */
  signal: AbortSignal;
  /** When the system told of the change, as performance.now() tells. */
  began: number;
  /** How long it then took to be sure of it, in milliseconds. */
  detectMs: number;
  /** Since when the old generation has been quiesced already (`fresh`). */
  quiescedAt: number | undefined;
  /** An earlier worker was killed on this way. */
  wasKilled: boolean;
  onStep: (step: Step, worker: WorkerHandle) => void;
  onState: (state: StateBytes, generation: number) => void;
  warn: (message: string) => void;
}

/** What a handover ends in. */
export type HandoverResult =
  | {
      type: 'committed';
      phases: PhaseTime[];
      /** Of the environment, that the app has set while it was loaded. */
      variables: string[];
      pauseMs: number;
      totalMs: number;
      stateBytes: number;
      stateKeys: StateKey[];
      /** Connections that the old generation has handed back, when it has ended before. */
      connectionsMoved: number;
    }
  /** What the worker had evaluated ahead of the app was not what a cold start would have made of it. */
  | { type: 'misspeculated'; misspeculation: Misspeculation }
  | { type: 'failed'; error: WireError }
  /** The next generation was killed from outside: that says nothing of the app. */
  | { type: 'killed'; signal: NodeJS.Signals }
  | { type: 'aborted' };
