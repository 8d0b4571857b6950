import { inspect } from 'node:util';
import { HandoverError } from '../../errors.ts';
import { BlobWriter, type BlobPart } from '../../state/blob.ts';
import { decodeValue, encodeValue } from '../../state/codec.ts';
import type { StateKey } from '../../protocol.ts';
import type { KeepOptions } from '../app-host.ts';
import type { ArrivedEntry, ArrivingState } from './arriving-state.ts';
import { StateSizes } from './state-sizes.ts';

/** The blob's key for what save() returned. */
const SAVED = 'handover:saved';
/** How a person knows it. */
const SAVE = 'save()';

interface Kept {
  value: unknown;
  version: number;
}

export interface Captured {
  hasState: boolean;
  /** What could not be carried. */
  problems: string[];
  /** What was. */
  keys: StateKey[];
}

/** The state of this generation: what keep() holds, what came from the previous one, and how both are captured. */
export class KeepStore {
  readonly #kept = new Map<string, Kept>();
  readonly #onFirst: () => void;
  #restored = new Map<string, ArrivedEntry>();

  constructor(onFirst: () => void) {
    this.#onFirst = onFirst;
  }

  /** Takes the state of the previous generation. Throws HandoverError STATE_REJECTED when it is none. */
  restore(state: ArrivingState): void {
    this.#restored = state.take();
  }

  /** What save() of the previous generation returned. */
  takeSaved(): unknown {
    const entry = this.#restored.get(SAVED);
    this.#restored.delete(SAVED);
    return entry && valueOf(entry);
  }

  keep<T>(key: string, init: () => T, options: KeepOptions<T>): T {
    checkArguments(key, init, options);
    const live = this.#kept.get(key);
    if (live) return live.value as T;
    if (this.#kept.size === 0) this.#onFirst();
    const version = options.version ?? 1;
    const entry = this.#restored.get(key);
    const value = entry ? revive(key, entry, version, init, options) : init();
    // Only now: when it throws, the next capture still passes the old value on.
    this.#restored.delete(key);
    this.#kept.set(key, { value, version });
    return value;
  }

  /**
   * Serializes everything: kept values, what save() returned, and values of keys that this generation has not
   * asked for, which it passes on untouched. Emits the blob piece by piece, before it returns; the bytes of a piece are to
   * be used at once.
   */
  capture(emit: (bytes: Uint8Array) => void, saved?: { value: unknown }): Captured {
    const sizes = new StateSizes();
    const writer = new BlobWriter((bytes) => {
      sizes.count(bytes.length);
      emit(bytes);
    });
    const problems: string[] = [];
    const add = (key: string, name: string, { value, version }: Kept): void => {
      sizes.begin(name);
      const { isPlain, problems: found, write } = encodeValue(value, name);
      if (write) writer.entry({ key, version, isPlain }, write);
      for (const { path, kind } of found) problems.push(`${path}: ${kind}`);
    };
    for (const entry of this.#restored.values()) {
      const { key, version } = entry;
      sizes.begin(key === SAVED ? SAVE : key);
      if (entry.isOnlyDecoded) add(key, key, { value: valueOf(entry), version });
      else writer.entry(entry, (part) => entry.parts.forEach(({ kind, bytes }) => part(kind, bytes)));
    }
    for (const [key, kept] of this.#kept) add(key, key, kept);
    if (saved && saved.value !== undefined) add(SAVED, SAVE, { value: saved.value, version: 1 });
    const keys = sizes.largest();
    if (writer.count > 0) writer.end();
    return { hasState: writer.count > 0, problems, keys };
  }
}

/** What was decoded is given once, if there are parts to decode anew: what is done with it must not change what came. */
function valueOf(entry: ArrivedEntry, template?: () => unknown): unknown {
  const { decoder } = entry;
  if (!entry.isOnlyDecoded) entry.decoder = undefined;
  return decoder ? decoder.value : decodeValue(entry.parts, template ? { template } : {});
}

/** Before something may change the value and then fail. */
function keepParts(entry: ArrivedEntry): void {
  if (!entry.isOnlyDecoded) return;
  const parts: BlobPart[] = [];
  encodeValue(valueOf(entry), entry.key).write?.((kind, bytes) => parts.push({ kind, bytes: Buffer.from(bytes) }));
  Object.assign(entry, { parts, isOnlyDecoded: false });
}

function revive<T>(key: string, entry: ArrivedEntry, version: number, init: () => T, options: KeepOptions<T>): T {
  if (entry.version !== version) keepParts(entry);
  let value = valueOf(entry, init);
  if (entry.version !== version) {
    if (!options.migrate) {
      throw new HandoverError(
        'STATE_REJECTED',
        `keep(${JSON.stringify(key)}): the state has version ${entry.version}, the code wants ${version}; give keep() a migrate(old, oldVersion)`,
      );
    }
    value = options.migrate(value, entry.version);
  }
  return options.validate ? validated(key, value, options.validate) : (value as T);
}

function validated<T>(key: string, value: unknown, schema: NonNullable<KeepOptions<T>['validate']>): T {
  const result = schema['~standard'].validate(value);
  if (result instanceof Promise) {
    throw new HandoverError(
      'INVALID_OPTION',
      `keep(${JSON.stringify(key)}): validate must answer at once, got a promise; use a schema without async checks`,
    );
  }
  if (result.issues === undefined) return result.value;
  const [issue] = result.issues;
  const path = [key, ...(issue?.path ?? []).map((part) => String((part as { key?: unknown })?.key ?? part))].join('.');
  throw new HandoverError(
    'STATE_REJECTED',
    `keep(${JSON.stringify(key)}): the carried state does not pass validate: ${path}: ${issue?.message}; raise version and migrate it, or correct the schema`,
  );
}

function checkArguments(key: unknown, init: unknown, options: KeepOptions<unknown>): void {
  if (typeof key !== 'string' || key === '' || key.startsWith('handover:')) {
    throw new HandoverError(
      'INVALID_OPTION',
      `keep(): expected a key that is a non-empty string and does not begin with "handover:", got ${inspect(key)}`,
    );
  }
  if (typeof init !== 'function') {
    throw new HandoverError(
      'INVALID_OPTION',
      `keep(${JSON.stringify(key)}): expected a function that makes the first value, got ${typeof init}`,
    );
  }
  const { version, migrate, validate } = options;
  if (version !== undefined && !(Number.isInteger(version) && version >= 0 && version < 2 ** 32)) {
    throw new HandoverError(
      'INVALID_OPTION',
      `keep(${JSON.stringify(key)}): expected a version that is a whole number, got ${String(version)}`,
    );
  }
  // Told now, not at the first restart, which is when they are called.
  if (migrate !== undefined && typeof migrate !== 'function') {
    throw new HandoverError(
      'INVALID_OPTION',
      `keep(${JSON.stringify(key)}): expected migrate to be a function, got ${typeof migrate}`,
    );
  }
  if (validate !== undefined && typeof validate?.['~standard']?.validate !== 'function') {
    throw new HandoverError(
      'INVALID_OPTION',
      `keep(${JSON.stringify(key)}): expected validate to be a Standard Schema, as zod, valibot and arktype make them, got ${inspect(validate, { depth: 0 })}`,
    );
  }
}
