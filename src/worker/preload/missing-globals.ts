/** What the evaluation of a dependency has looked for among the global variables. */
export interface GlobalReads {
  /** Names that it has looked up in vain. */
  missing: Set<string>;
  /** It has asked which ones there are, by for … in. */
  enumerated: boolean;
}

/**
 * Notes which global variables are looked up in vain while `task` runs. A look-up that finds nothing in the global
 * object goes on in its prototype.
 */
export async function withMissingGlobals(task: () => Promise<void>): Promise<GlobalReads> {
  const reads: GlobalReads = { missing: new Set(), enumerated: false };
  const prototype = Object.getPrototypeOf(globalThis) as object;
  const note = (name: string | symbol): void => {
    reads.missing.add(typeof name === 'symbol' ? (name.description ?? '') : name);
  };
  Object.setPrototypeOf(
    globalThis,
    new Proxy(prototype, {
      get: (target, name, receiver) => {
        note(name);
        return Reflect.get(target, name, receiver);
      },
      has: (target, name) => {
        note(name);
        return Reflect.has(target, name);
      },
      ownKeys: (target) => {
        reads.enumerated = true;
        return Reflect.ownKeys(target);
      },
    }),
  );
  try {
    await task();
  } finally {
    Object.setPrototypeOf(globalThis, prototype);
  }
  return reads;
}
