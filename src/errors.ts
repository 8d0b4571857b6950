/** Every way in which handover refuses or fails. Each code has its entry in docs/errors.md. */
export type HandoverErrorCode =
  | 'ALREADY_STARTED'
  | 'CAPTURE_FAILED'
  | 'ENTRY_MISSING'
  | 'ENTRY_NOT_FOUND'
  | 'FORK_FAILED'
  | 'INSPECTOR_UNAVAILABLE'
  | 'INVALID_OPTION'
  | 'NODE_UNSUPPORTED'
  | 'PRIMARY_RUNNING'
  | 'READY_TIMEOUT'
  | 'SNAPSHOT_REJECTED'
  | 'SNAPSHOT_UNWRITABLE'
  | 'STATE_REJECTED'
  | 'TYPESCRIPT_LOADER_MISSING'
  | 'UI_PORT_TAKEN'
  | 'UNKNOWN_OPTION'
  | 'WORKER_EXITED'
  | 'WRONG_PROCESS'
  | 'WS_UNSUPPORTED';

/** The one error class of handover: the message says what happened, to which value, and the next step. */
export class HandoverError extends Error {
  readonly code: HandoverErrorCode;

  constructor(code: HandoverErrorCode, message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.name = 'HandoverError';
    this.code = code;
  }
}

/** The text of anything that was thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
