import dns from 'node:dns';
import events from 'node:events';
import http from 'node:http';
import https from 'node:https';
import { Module, syncBuiltinESMExports } from 'node:module';
import net from 'node:net';
import util from 'node:util';

const COUNTERS = ['eventNames', 'listenerCount', 'listeners', 'rawListeners'] as const;

/** Calls `onCount` when the listeners of process are looked at while `task` runs. */
export async function withListenerRecord(onCount: () => void, task: () => Promise<void>): Promise<void> {
  for (const name of COUNTERS) {
    const original = process[name] as (...args: unknown[]) => unknown;
    Object.defineProperty(process, name, {
      configurable: true,
      writable: true,
      value: (...args: unknown[]) => {
        onCount();
        return Reflect.apply(original, process, args);
      },
    });
  }
  try {
    await task();
  } finally {
    for (const name of COUNTERS) delete (process as Partial<typeof process>)[name];
  }
}

/** How many listeners process has for each event. */
export function countListeners(): Map<string, number> {
  return new Map(process.eventNames().map((name) => [String(name), process.listenerCount(name as 'exit')]));
}

/** The events for which listeners came or went. */
export function changedEvents(before: ReadonlyMap<string, number>, after: ReadonlyMap<string, number>): string[] {
  return [...new Set([...before.keys(), ...after.keys()])].filter((name) => before.get(name) !== after.get(name));
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
