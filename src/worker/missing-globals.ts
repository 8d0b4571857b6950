/**
 * The names of global variables that are looked up in vain while `task` runs. A look-up that finds nothing in the
 * global object goes on in its prototype.
 */
export async function withMissingGlobals(task: () => Promise<void>): Promise<Set<string>> {
  const missing = new Set<string>();
  const prototype = Object.getPrototypeOf(globalThis) as object;
  const note = (name: string | symbol): void => {
    missing.add(typeof name === 'symbol' ? (name.description ?? '') : name);
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
    }),
  );
  try {
    await task();
  } finally {
    Object.setPrototypeOf(globalThis, prototype);
  }
  return missing;
}
