import type { WorkerConfig } from '../protocol.ts';
import { SnapshotFile } from '../state/snapshot-file.ts';
import { withTimeout } from '../timers.ts';

/** A worker without a primary has this long to save its state, in milliseconds; it promises to be gone within a second. */
const SAVE_TIMEOUT = 900;

/** Writes the state to the snapshot file, for the next primary. */
export async function saveOrphanedState(
  config: WorkerConfig,
  generation: number,
  capture: () => Promise<Uint8Array[] | undefined>,
): Promise<void> {
  const save = async (): Promise<void> => {
    const blob = await capture();
    if (!blob || config.snapshot === false) return;
    const { run, appVersion, snapshot } = config;
    await new SnapshotFile(snapshot).write(blob, { generation, run, appVersion }, { isVital: true });
  };
  await withTimeout(save(), SAVE_TIMEOUT, () => {
    process.stderr.write('handover: the state could not be saved in time after the primary had gone\n');
  }).catch((error: unknown) => {
    process.stderr.write(`handover: the state could not be saved after the primary had gone: ${String(error)}\n`);
  });
}
