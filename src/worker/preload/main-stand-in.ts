/**
 * In a CommonJS app there is a `require.main` from the beginning. Until Node has made it, something else stands in for
 * it while `task` runs; `onLook` is called when it is looked into.
 */
export async function withMainStandIn(onLook: () => void, task: () => Promise<void>): Promise<void> {
  const main = (): object => process.mainModule ?? {};
  process.mainModule = new Proxy({} as NodeJS.Module, {
    get: (_, key) => {
      onLook();
      return Reflect.get(main(), key) as unknown;
    },
    has: (_, key) => {
      onLook();
      return key in main();
    },
    ownKeys: () => {
      onLook();
      return [];
    },
  });
  try {
    await task();
  } finally {
    delete (process as { mainModule?: unknown }).mainModule;
  }
}
