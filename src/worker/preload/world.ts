import child_process from 'node:child_process';
import dns from 'node:dns';
import events from 'node:events';
import fs from 'node:fs';
import http from 'node:http';
import https from 'node:https';
import { createRequire, Module } from 'node:module';
import net from 'node:net';
import tls from 'node:tls';
import util from 'node:util';
import { descriptorOf, isClass, ObjectRecord, type ObjectChange } from './object-record.ts';

/**
 * Built-in modules that programs are known to instrument, by hooks which --import may have set: every worker imports
 * them, whether or not it evaluates anything ahead, so that it makes no difference.
 */
const INSTRUMENTED = { child_process, dns, events, fs, http, https, net, tls, util };
/** Others that programs are known to patch. */
const PATCHED = [
  ...['async_hooks', 'buffer', 'cluster', 'crypto', 'dgram', 'diagnostics_channel', 'fs/promises', 'module', 'os'],
  ...['path', 'perf_hooks', 'stream', 'string_decoder', 'timers', 'timers/promises', 'url', 'v8', 'vm'],
  ...['worker_threads', 'zlib'],
];

/** What Node itself changes, and what means nothing to another module. */
const MEANINGLESS: Readonly<Record<string, readonly string[]>> = {
  ...Object.fromEntries(
    ['http', 'https'].map((name) => [`${name}.globalAgent`, ['_events', '_eventsCount', 'totalSocketCount']]),
  ),
  Error: ['stackTraceLimit'],
  process: [
    ...['_events', '_eventsCount', '_maxListeners', '_exiting', 'argv', 'channel', 'connected', 'domain', 'env'],
    ...['exitCode', 'mainModule', 'send', 'title'],
  ],
  'node:module': ['_cache', '_pathCache', '_preloadModules', 'globalPaths'],
};

/**
 * What all modules of a process share: global variables, the built-in classes and modules, what hooks into module
 * loading. Two modules that touch the same of it must be evaluated in the right order.
 */
export class World {
  readonly #record = new ObjectRecord(sharedObjects());

  /** What has changed since the last call, or since this was made. */
  update(): ObjectChange[] {
    return this.#record.update().filter(({ owner, name }) => name === undefined || !MEANINGLESS[owner]?.includes(name));
  }
}

function sharedObjects(): Map<object, string> {
  const objects = new Map<object, string>();
  const add = (object: object, owner: string): void => {
    if (!objects.has(object)) objects.set(object, owner);
  };
  const addMembers = (object: object, prefix: string): void => {
    for (const key of Reflect.ownKeys(object)) {
      const value = descriptorOf(object, key)?.value as unknown;
      if (!isClass(value)) continue;
      add(value, prefix + String(key));
      add(value.prototype, `${prefix}${String(key)}.prototype`);
    }
  };
  add(globalThis, 'globalThis');
  addMembers(globalThis, '');
  for (const [name, object] of Object.entries({ Atomics, Intl, JSON, Math, Reflect, console, process })) {
    add(object, name);
  }
  const require = createRequire(import.meta.url);
  const builtins = [
    ...Object.entries(INSTRUMENTED),
    ...PATCHED.map((name) => [name, require(`node:${name}`) as object] as const),
  ];
  for (const [name, builtin] of builtins) {
    add(builtin, `node:${name}`);
    addMembers(builtin, `node:${name}.`);
  }
  for (const [name, { globalAgent }] of Object.entries({ http, https })) {
    add(globalAgent, `${name}.globalAgent`);
    add((globalAgent as http.Agent & { options: object }).options, `${name}.globalAgent.options`);
  }
  add(Module.prototype, 'Module.prototype');
  add((Module as unknown as { _extensions: object })._extensions, 'require.extensions');
  return objects;
}
