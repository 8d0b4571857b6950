import { createRequire } from 'node:module';
import type { PreloadRoot } from '../protocol.ts';
import { descriptorOf, isClass } from './object-record.ts';

/** More than what people change in a package; an object with more properties is a table, not an interface. */
const MOST_OBJECTS = 500;

/**
 * The objects through which a module of a package shows itself: its exports, the classes and plain objects among
 * them. Who changes them changes the package for all who use it.
 */
export function exportedObjects(exports: unknown, owner: string): Map<object, string> {
  const objects = new Map<object, string>();
  const add = (value: unknown, name: string, depth: number): void => {
    if (!isObject(value) || objects.has(value) || objects.size >= MOST_OBJECTS) return;
    objects.set(value, name);
    if (isClass(value)) objects.set(value.prototype, `${name}.prototype`);
    if (depth === 0) return;
    for (const key of Reflect.ownKeys(value)) {
      const member = descriptorOf(value, key)?.value as unknown;
      if (isClass(member) || isPlain(member)) add(member, `${name}.${String(key)}`, depth - 1);
    }
  };
  // The namespace of an ES module can't be changed; what it holds can.
  add(exports, owner, 2);
  return objects;
}

/** What a root that was evaluated exports. */
export async function exportsOf({ target, how, from }: PreloadRoot): Promise<unknown> {
  if (how === 'require') return createRequire(from)(target);
  return import(target);
}

function isObject(value: unknown): value is object {
  return (typeof value === 'object' && value !== null) || typeof value === 'function';
}

function isPlain(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false;
  if (Array.isArray(value)) return value.length < MOST_OBJECTS;
  const prototype = Object.getPrototypeOf(value) as object | null;
  return prototype === null || prototype === Object.prototype;
}
