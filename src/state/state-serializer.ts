import { nearestPackage } from '../options/package-json.ts';
import { HandoverError } from '../errors.ts';
import { BlobWriter, decodeBlob } from './blob.ts';
import { decodeValue, encodeValue } from './codec.ts';
import { SnapshotFile } from './snapshot-file.ts';
import { defaultSnapshotPath } from './snapshot-path.ts';

/** What a StateSerializer saves and loads. */
export interface RestartState {
  selfState: unknown;
  eventQueue: unknown;
  config: unknown;
  savedAt: Date;
}

export interface StateSerializerOptions {
  /** Default: a file in the cache folder of the running program's package. */
  file?: string;
  /** Written into the file. Default: the version in package.json. */
  appVersion?: string;
}

const PARTS = ['selfState', 'eventQueue', 'config'] as const;

/** Saves a program's state to a file and loads it again, whole or not at all. Usable alone. */
export class StateSerializer {
  readonly #file: SnapshotFile;
  readonly #appVersion: string;

  constructor(options: StateSerializerOptions = {}) {
    if (typeof options !== 'object' || options === null) {
      throw new HandoverError(
        'INVALID_OPTION',
        `new StateSerializer(): expected an object of options such as { file: "state.bin" }, got ${JSON.stringify(options)}`,
      );
    }
    const { file, appVersion } = options;
    if (file !== undefined && (typeof file !== 'string' || file === '')) {
      throw new HandoverError(
        'INVALID_OPTION',
        `new StateSerializer(): expected file to be a path, got ${JSON.stringify(file)}`,
      );
    }
    const program = process.argv[1] ?? 'restart-state';
    this.#file = new SnapshotFile(file ?? `${defaultSnapshotPath(program)}.restart`);
    this.#appVersion = appVersion ?? nearestPackage(program)?.version ?? '';
  }

  /**
   * Replaces the file. False, with a warning that says why, when it could not be written; it is then as it was. What
   * can't be carried is named in a warning; all else is saved.
   */
  async saveRestartState(selfState: unknown, eventQueue: unknown, config: unknown): Promise<boolean> {
    const state = { selfState, eventQueue, config };
    const blob: Uint8Array[] = [];
    const writer = new BlobWriter((bytes) => blob.push(Buffer.from(bytes)));
    for (const part of PARTS) {
      const { isPlain, problems, write } = encodeValue(state[part], part);
      if (write) writer.entry({ key: part, version: 1, isPlain }, write);
      for (const { path, kind } of problems) process.emitWarning(`not saved: ${path}: ${kind}`, 'HandoverWarning');
    }
    writer.end();
    try {
      return await this.#file.write(blob, {
        generation: 0,
        run: '',
        appVersion: this.#appVersion,
      });
    } catch (error) {
      process.emitWarning(error as Error);
      return false;
    }
  }

  /** What was saved; null when nothing was, or, with a warning, when it can't be read and was set aside. */
  async loadRestartState(): Promise<RestartState | null> {
    const snapshot = await this.#file.read();
    if (snapshot === null) return null;
    if ('rejected' in snapshot) {
      process.emitWarning(snapshot.rejected);
      return null;
    }
    try {
      const entries = decodeBlob(snapshot.blob);
      const part = (name: (typeof PARTS)[number]): unknown => {
        const entry = entries.get(name);
        return entry && decodeValue(entry.parts);
      };
      const [selfState, eventQueue, config] = PARTS.map(part);
      return { selfState, eventQueue, config, savedAt: snapshot.savedAt };
    } catch (error) {
      await this.#file.reject();
      process.emitWarning(error as Error);
      return null;
    }
  }

  /** Removes the file, when its state has been restored. */
  async cleanupRestartState(): Promise<void> {
    await this.#file.remove();
  }
}
