/** A property that has changed. */
export interface ObjectChange {
  /** The object, as a person would name it. */
  owner: string;
  /** undefined: none has, but from now on none can be added (Object.freeze() and the like). */
  name: string | undefined;
  /** It was not there before, not even inherited. */
  isNew: boolean;
}

interface Recorded {
  owner: string;
  object: object;
  slots: Map<PropertyKey, Slot>;
  isExtensible: boolean;
}

/** A property: the value of one that holds data, the getter of one that has one. */
interface Slot {
  content: unknown;
  hasGetter: boolean;
}

/** What the properties of some objects were, to find those that have changed. */
export class ObjectRecord {
  readonly #records: Recorded[];

  constructor(objects: Iterable<readonly [object: object, owner: string]>) {
    this.#records = [...objects].map(([object, owner]) => ({
      owner,
      object,
      slots: slotsOf(object),
      isExtensible: Object.isExtensible(object),
    }));
  }

  /** What has changed since the last call, or since this was made. */
  update(): ObjectChange[] {
    const changes: ObjectChange[] = [];
    for (const record of this.#records) if (!isUnchanged(record)) changes.push(...changesOf(record));
    return changes;
  }
}

/** Most objects never change: only then is each property looked at in detail. */
function isUnchanged({ object, slots, isExtensible }: Recorded): boolean {
  if (Object.isExtensible(object) !== isExtensible) return false;
  const keys = Reflect.ownKeys(object);
  if (keys.length !== slots.size) return false;
  for (const key of keys) {
    const slot = slots.get(key);
    if (slot === undefined) return false;
    if (slot.hasGetter) {
      if (Reflect.getOwnPropertyDescriptor(object, key)?.get !== slot.content) return false;
    } else if (!Object.is((object as Record<PropertyKey, unknown>)[key], slot.content)) return false;
  }
  return true;
}

function changesOf(record: Recorded): ObjectChange[] {
  const { owner, object, slots: before } = record;
  record.slots = slotsOf(object);
  const inherited = (Object.getPrototypeOf(object) as object | null) ?? {};
  const changes: ObjectChange[] = [];
  if (Object.isExtensible(object) !== record.isExtensible) changes.push({ owner, name: undefined, isNew: false });
  record.isExtensible = Object.isExtensible(object);
  for (const [key, slot] of record.slots) {
    const old = before.get(key);
    if (old && Object.is(old.content, slot.content)) continue;
    if (old && hasOnlyLoaded(object, key, old, slot)) continue;
    changes.push({ owner, name: nameOf(key), isNew: old === undefined && !(key in inherited) });
  }
  for (const key of before.keys()) {
    if (!record.slots.has(key)) changes.push({ owner, name: nameOf(key), isNew: false });
  }
  return changes;
}

/** Node defines rarely used values by getters that, when first read, put the value in their own place. */
function hasOnlyLoaded(object: object, key: PropertyKey, before: Slot, { content, hasGetter }: Slot): boolean {
  if (!before.hasGetter || hasGetter) return false;
  const now = Reflect.getOwnPropertyDescriptor(object, key) as PropertyDescriptor;
  try {
    return (before.content as () => unknown).call(object) === content;
  } catch {
    return false;
  } finally {
    Reflect.defineProperty(object, key, now);
  }
}

function slotsOf(object: object): Map<PropertyKey, Slot> {
  const slots = new Map<PropertyKey, Slot>();
  for (const key of Reflect.ownKeys(object)) {
    const descriptor = descriptorOf(object, key);
    if (descriptor) slots.set(key, { content: descriptor.get ?? descriptor.value, hasGetter: 'get' in descriptor });
  }
  return slots;
}

/** undefined: there is no such property, or it is an import that has not been evaluated yet. */
export function descriptorOf(object: object, key: PropertyKey): PropertyDescriptor | undefined {
  try {
    return Reflect.getOwnPropertyDescriptor(object, key);
  } catch {
    return undefined;
  }
}

/** The text by which source code would name it. */
function nameOf(key: PropertyKey): string {
  return typeof key === 'symbol' ? (key.description ?? '') : String(key);
}

/** Whether a function is a class, as opposed to a mere function. */
export function isClass(value: unknown): value is { prototype: object } {
  if (typeof value !== 'function') return false;
  const prototype = (value as { prototype?: unknown }).prototype;
  return typeof prototype === 'object' && prototype !== null && Reflect.ownKeys(prototype).length > 1;
}
