import { createRequire } from 'node:module';
import type { PreloadRoot } from '../../protocol.ts';
import { withAsyncRecord } from './async-record.ts';
import { withChannelRecord, type ChannelUse } from './channel-record.ts';
import { changedVariables, withEnvRecord } from './env-record.ts';
import { withFileRecord } from './file-record.ts';
import { withMainStandIn } from './main-stand-in.ts';
import { withMissingGlobals, type GlobalReads } from './missing-globals.ts';
import type { ObjectChange } from './object-record.ts';
import {
  changedEvents,
  changedSettings,
  countListeners,
  readSettings,
  withEventRecord,
  type EventUse,
} from './process-record.ts';
import type { World } from './world.ts';

/** What a dependency has looked at, and what it has changed, while it was evaluated. */
export interface Observation {
  root: PreloadRoot;
  ms: number;
  reads: {
    variables: Set<string>;
    /** It has asked which variables there are. */
    listsVariables: boolean;
    globals: GlobalReads;
    /** Of process. */
    events: EventUse;
    channels: Set<string>;
    /** With what they were like. */
    files: Map<string, string>;
  };
  changes: {
    variables: string[];
    objects: ObjectChange[];
    settings: string[];
    /** Channels to which it subscribes. */
    channels: string[];
    /** Events of process to which it listens. */
    events: string[];
  };
  /** Something that it does, by which it can't be evaluated ahead at all. */
  forbidden: string | undefined;
  /** It has waited for something. */
  hasWaited: boolean;
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
  let globals: GlobalReads = { missing: new Set(), enumerated: false };
  let files = new Map<string, string>();
  let events: EventUse = { names: new Set(), isOfAll: false };
  let channels: ChannelUse = { asked: new Set(), subscribed: new Set() };
  let hasWaited = false;
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
    globals = await withMissingGlobals(async () => {
      files = await withFileRecord(async () => {
        channels = await withChannelRecord(async () => {
          const use = await withAsyncRecord(async () => {
            events = await withEventRecord(() =>
              hasMain ? withMainStandIn(forbid('looks into require.main'), evaluate) : evaluate(),
            );
          });
          if (use.goesOn) forbid('begins something that goes on')();
          hasWaited = use.hasWaited;
        });
      });
    });
  });
  const ms = performance.now() - began;
  return {
    root,
    ms,
    reads: { variables: names, listsVariables: enumerated, globals, events, channels: channels.asked, files },
    changes: {
      variables: changedVariables(before.variables, process.env),
      objects: world.update(),
      settings: changedSettings(before.settings, readSettings()),
      channels: [...channels.subscribed],
      events: changedEvents(before.listeners, countListeners()),
    },
    forbidden,
    hasWaited,
    error,
  };
}

async function load({ target, how, from }: PreloadRoot): Promise<unknown> {
  return how === 'require' ? createRequire(from)(target) : import(target);
}
