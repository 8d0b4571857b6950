/** What the evaluation of a dependency has looked up in the environment. */
export interface EnvReads {
  names: Set<string>;
  /** It has asked which variables there are. */
  enumerated: boolean;
}

/**
 * Notes which environment variables are read while `task` runs. Variables of `announced` show among the names that
 * there are, though they are not set yet: who picks names from a list then reads those that matter to it.
 */
export async function withEnvRecord(announced: readonly string[], task: () => Promise<void>): Promise<EnvReads> {
  const real = process.env;
  const reads: EnvReads = { names: new Set(), enumerated: false };
  let isRecording = true;
  /** The names that are being listed. */
  let listed: (string | symbol)[] = [];
  const isAnnounced = (name: string | symbol): name is string =>
    isRecording && typeof name === 'string' && announced.includes(name);
  const note = (name: string | symbol): void => {
    if (isRecording && typeof name === 'string') reads.names.add(name);
  };
  // Whoever keeps a reference to it goes on with the real environment.
  process.env = new Proxy(real, {
    get: (env, name) => {
      note(name);
      return env[name as string];
    },
    // Without it the new value would be defined on the proxy, which an environment does not allow.
    set: (env, name, value) => Reflect.set(env, name, value),
    has: (env, name) => {
      note(name);
      return name in env;
    },
    ownKeys: (env) => {
      if (!isRecording) return Reflect.ownKeys(env);
      reads.enumerated = true;
      listed = [...new Set([...Reflect.ownKeys(env), ...announced])];
      return [...listed];
    },
    getOwnPropertyDescriptor: (env, name) => {
      const descriptor = Reflect.getOwnPropertyDescriptor(env, name);
      // Object.keys() asks for each name in turn; who asks out of turn wants to know whether that one is set.
      if (listed[0] === name) listed.shift();
      else {
        note(name);
        return descriptor;
      }
      if (descriptor || !isAnnounced(name)) return descriptor;
      return { value: '', writable: true, enumerable: true, configurable: true };
    },
  });
  try {
    await task();
  } finally {
    isRecording = false;
    process.env = real;
  }
  return reads;
}

/** The variables that differ between two moments. */
export function changedVariables(before: NodeJS.ProcessEnv, after: NodeJS.ProcessEnv): string[] {
  const names = new Set([...Object.keys(before), ...Object.keys(after)]);
  return [...names].filter((name) => before[name] !== after[name]);
}
