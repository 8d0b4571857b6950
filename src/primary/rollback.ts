import { toWireError, type WireError } from '../protocol.ts';
import type { HandoverResult } from './handover-task.ts';

/** Ends a handover before its commit. */
export class Rollback extends Error {
  readonly result: Exclude<HandoverResult, { type: 'committed' }>;

  constructor(result: Rollback['result']) {
    super(result.type);
    this.result = result;
  }

  static failed(error: WireError): Rollback {
    return new Rollback({ type: 'failed', error: error instanceof Error ? toWireError(error) : error });
  }

  static aborted(): Rollback {
    return new Rollback({ type: 'aborted' });
  }
}
