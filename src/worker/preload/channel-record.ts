import diagnostics, { Channel } from 'node:diagnostics_channel';
import { syncBuiltinESMExports } from 'node:module';

/** What the evaluation of a dependency has to do with the channels of node:diagnostics_channel that nobody listens to. */
export interface ChannelUse {
  /** It publishes on these, or asks whether somebody listens. */
  asked: Set<string>;
  subscribed: Set<string>;
}

let record: ChannelUse | undefined;

/** A channel that has subscribers has another prototype. */
const SUBSCRIBING = new Set(['subscribe', 'bindStore']);
const ASKING = new Set(['hasSubscribers', 'publish', 'runStores']);

/** Lets withChannelRecord() see who asks by name for subscribers, of a channel that there may not be. For good. */
export function watchChannels(): void {
  const { hasSubscribers } = diagnostics;
  diagnostics.hasSubscribers = function (name) {
    record?.asked.add(String(name));
    return Reflect.apply(hasSubscribers, this, [name]);
  };
  syncBuiltinESMExports();
}

/** Notes what is done with channels while `task` runs. */
export async function withChannelRecord(task: () => Promise<void>): Promise<ChannelUse> {
  const use: ChannelUse = (record = { asked: new Set(), subscribed: new Set() });
  const originals = Object.getOwnPropertyDescriptors(Channel.prototype) as Record<string, PropertyDescriptor>;
  for (const [key, { get, value, ...rest }] of Object.entries(originals)) {
    const names = SUBSCRIBING.has(key) ? use.subscribed : ASKING.has(key) ? use.asked : undefined;
    const original = (get ?? value) as (...args: unknown[]) => unknown;
    if (!names) continue;
    const noting = function (this: Channel, ...args: unknown[]): unknown {
      names.add(String(this.name));
      return Reflect.apply(original, this, args);
    };
    const accessor = get ? { get: noting, configurable: true } : { ...rest, value: noting };
    Object.defineProperty(Channel.prototype, key, accessor);
  }
  try {
    await task();
  } finally {
    record = undefined;
    Object.defineProperties(Channel.prototype, originals);
  }
  return use;
}
