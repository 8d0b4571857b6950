import dns from 'node:dns';
import events from 'node:events';
import http from 'node:http';
import https from 'node:https';
import { Module, syncBuiltinESMExports } from 'node:module';
import net from 'node:net';
import util from 'node:util';

const METHODS = [
  ...['addListener', 'emit', 'listenerCount', 'listeners', 'off', 'on', 'once', 'prependListener'],
  ...['prependOnceListener', 'rawListeners', 'removeAllListeners', 'removeListener', 'eventNames'],
] as const;

/** The events of process with which a dependency had to do while it was evaluated. */
export interface EventUse {
  names: Set<string>;
  /** It has to do with all. */
  isOfAll: boolean;
}

/** Notes which events of process are emitted, listened to or asked for while `task` runs. */
export async function withEventRecord(task: () => Promise<void>): Promise<EventUse> {
  const use: EventUse = { names: new Set(), isOfAll: false };
  const own = METHODS.map((name) => [name, Object.getOwnPropertyDescriptor(process, name)] as const);
  const wrappers = new Map<string, unknown>();
  for (const name of METHODS) {
    const original = process[name] as (...args: unknown[]) => unknown;
    const value = {
      [name](this: unknown, ...args: unknown[]): unknown {
        if (args.length === 0) use.isOfAll = true;
        else use.names.add(String(args[0]));
        return Reflect.apply(original, this, args);
      },
    }[name];
    wrappers.set(name, value);
    Object.defineProperty(process, name, { configurable: true, writable: true, value });
  }
  try {
    await task();
  } finally {
    for (const [name, descriptor] of own) {
      // The dependency has put another one in its place.
      if (process[name] !== wrappers.get(name)) continue;
      if (descriptor) Object.defineProperty(process, name, descriptor);
      else delete (process as Partial<typeof process>)[name];
    }
  }
  return use;
}

/** How many listeners process has for each event. */
export function countListeners(): Map<string, number> {
  return new Map(process.eventNames().map((name) => [String(name), process.listenerCount(name as 'exit')]));
}

/** The events for which listeners came or went. */
export function changedEvents(before: ReadonlyMap<string, number>, after: ReadonlyMap<string, number>): string[] {
  return [...new Set([...before.keys(), ...after.keys()])].filter((name) => before.get(name) !== after.get(name));
}

interface ModuleSettings {
  wrap: unknown;
  wrapper: string[];
  globalPaths: string[];
}

/** What a process has set for itself that is no property of an object. */
const SETTINGS: Readonly<Record<string, () => unknown>> = {
  'the working folder': () => process.cwd(),
  'process.argv': () => process.argv.join('\0'),
  'process.env itself': () => process.env,
  'the umask': () => process.umask(),
  "the order of dns's results": () => dns.getDefaultResultOrder(),
  'the dns servers': () => dns.getServers().join(),
  "net's choice of address families": () =>
    `${net.getDefaultAutoSelectFamily()} ${net.getDefaultAutoSelectFamilyAttemptTimeout()}`,
  'events.defaultMaxListeners': () => events.defaultMaxListeners,
  'util.inspect.defaultOptions': () => JSON.stringify(util.inspect.defaultOptions),
  'http.globalAgent': () => http.globalAgent,
  'https.globalAgent': () => https.globalAgent,
  'process.stdout.write': () => process.stdout.write,
  'process.stderr.write': () => process.stderr.write,
  'the capture of uncaught exceptions': () => process.hasUncaughtExceptionCaptureCallback(),
  'Module.wrap': () => (Module as unknown as ModuleSettings).wrap,
  'Module.wrapper': () => (Module as unknown as ModuleSettings).wrapper.join('\0'),
  'Module.globalPaths': () => (Module as unknown as ModuleSettings).globalPaths.join('\0'),
};

export type Settings = ReadonlyMap<string, unknown>;

export function readSettings(): Settings {
  return new Map(Object.entries(SETTINGS).map(([name, read]) => [name, read()]));
}

export function changedSettings(before: Settings, after: Settings): string[] {
  return [...after.keys()].filter((name) => !Object.is(before.get(name), after.get(name)));
}

/** Counts calls of module.register() and module.registerHooks(), which leave no trace that could be looked at. */
export class HookCalls {
  count = 0;

  constructor() {
    const functions = Module as unknown as Record<string, unknown>;
    for (const name of ['register', 'registerHooks']) {
      const original = functions[name];
      if (typeof original !== 'function') continue;
      const count = (): void => void this.count++;
      functions[name] = {
        [name](this: unknown, ...args: unknown[]): unknown {
          count();
          return Reflect.apply(original, this, args);
        },
      }[name];
    }
    syncBuiltinESMExports();
  }
}
