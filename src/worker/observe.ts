import { createRequire } from 'node:module';
import type { PreloadRoot } from '../protocol.ts';
import { withAsyncRecord } from './async-record.ts';
import { changedVariables, withEnvRecord } from './env-record.ts';
import { withFileRecord } from './file-record.ts';
import { withMainStandIn } from './main-stand-in.ts';
import { withMissingGlobals } from './missing-globals.ts';
import type { ObjectChange } from './object-record.ts';
import { changedEvents, changedSettings, countListeners, readSettings, withListenerRecord } from './process-record.ts';
import type { World } from './world.ts';

/** What a dependency has looked at, and what it has changed, while it was evaluated. */
export interface Observation {
  root: PreloadRoot;
  ms: number;
  reads: {
    variables: Set<string>;
    /** It has asked which variables there are. */
    listsVariables: boolean;
    /** Names of globals that it has looked up in vain. */
    missingGlobals: Set<string>;
    countsListeners: boolean;
    files: Set<string>;
  };
  changes: {
    variables: string[];
    objects: ObjectChange[];
    settings: string[];
    /** Events of process to which it listens. */
    events: string[];
  };
  /** Something that it does, by which it can't be evaluated ahead at all. */
  forbidden: string | undefined;
  error: unknown;
}

export interface ObserveOptions {
  world: World;
  /** Environment variables that show, though they are not set yet. */
  announced: readonly string[];
  /** There has to be a require.main. */
  hasMain: boolean;
}

/** Evaluates a dependency and notes what it has to do with the world that all modules share. */
export async function observe(root: PreloadRoot, { world, announced, hasMain }: ObserveOptions): Promise<Observation> {
  let forbidden: string | undefined;
  let error: unknown;
  let missingGlobals = new Set<string>();
  let files = new Set<string>();
  let countsListeners = false;
  const forbid = (what: string) => (): void => {
    forbidden ??= what;
  };
  const evaluate = (): Promise<void> =>
    load(root).then(
      () => {},
      (reason: unknown) => {
        error = reason ?? new Error('it throws nothing');
      },
    );
  const before = { variables: { ...process.env }, settings: readSettings(), listeners: countListeners() };
  const began = performance.now();
  const { names, enumerated } = await withEnvRecord(announced, async () => {
    missingGlobals = await withMissingGlobals(async () => {
      files = await withFileRecord(async () => {
        const goesOn = await withAsyncRecord(() =>
          withListenerRecord(
            () => (countsListeners = true),
            () => (hasMain ? withMainStandIn(forbid('looks into require.main'), evaluate) : evaluate()),
          ),
        );
        if (goesOn) forbid('begins something that goes on')();
      });
    });
  });
  const ms = performance.now() - began;
  return {
    root,
    ms,
    reads: { variables: names, listsVariables: enumerated, missingGlobals, countsListeners, files },
    changes: {
      variables: changedVariables(before.variables, process.env),
      objects: world.update(),
      settings: changedSettings(before.settings, readSettings()),
      events: changedEvents(before.listeners, countListeners()),
    },
    forbidden,
    error,
  };
}

async function load({ target, how, from }: PreloadRoot): Promise<unknown> {
  return how === 'require' ? createRequire(from)(target) : import(target);
}
