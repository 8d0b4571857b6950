export { HandoverError, type HandoverErrorCode } from './errors.ts';
export type { WireError } from './protocol.ts';
export type { Duration } from './duration.ts';
export type { HandoverOptions } from './options/handover-options.ts';
export { runPrimary } from './primary/run-primary.ts';
export {
  ProcessRestarter,
  type ProcessRestarterOptions,
  type RestarterCallbacks,
} from './primary/process-restarter.ts';
export type { RestartCommand } from './primary/program.ts';
export type { WorkerExit } from './primary/worker-handle.ts';
export type { Ended, Failure, PhaseTime, Receipt, RestarterEvents } from './primary/events.ts';
export { keep, keepSockets, keepWebSockets, onShutdown, runWorker } from './worker/run-worker.ts';
export type {
  AppComponent,
  AppSteps,
  KeepOptions,
  KeepSocketsOptions,
  KeepWebSocketsOptions,
  Moved,
  StandardSchema,
  StartContext,
  WebSocketOf,
  WebSocketServerLike,
} from './worker/app-host.ts';
export { registerClass, type ClassCodec } from './state/class-registry.ts';
export { StateSerializer, type RestartState, type StateSerializerOptions } from './state/state-serializer.ts';
export {
  GracefulShutdownManager,
  type ComponentReport,
  type ShutdownComponent,
} from './shutdown/graceful-shutdown-manager.ts';
export { FileChangeWatcher, type FileChangeWatcherOptions } from './watch/file-change-watcher.ts';
