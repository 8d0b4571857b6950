/** A command of the Chrome DevTools Protocol. */
export interface Command {
  method: string;
  params?: Record<string, unknown> | undefined;
}

export interface Setting extends Command {
  /** Of a breakpoint, as the debugger knows it. */
  id?: string;
}

/** Commands after which a process behaves otherwise, each in place of the one before; `enable` of every domain, too. */
const SETTINGS: ReadonlySet<string> = new Set([
  'Debugger.setAsyncCallStackDepth',
  'Debugger.setBlackboxPatterns',
  'Debugger.setBreakpointsActive',
  'Debugger.setPauseOnExceptions',
  'Debugger.setSkipAllPauses',
  'Profiler.setSamplingInterval',
  'Runtime.setAsyncCallStackDepth',
  'Runtime.setCustomObjectFormatterEnabled',
  'Runtime.setMaxCallStackSizeToCapture',
  'Target.setAutoAttach',
]);

/** Those of which there may be many, and what undoes one of them, by what tells one from another. */
const NAMED: Readonly<Record<string, 'breakpointId' | 'name'>> = {
  'Debugger.setBreakpoint': 'breakpointId',
  'Debugger.setBreakpointByUrl': 'breakpointId',
  'Debugger.setInstrumentationBreakpoint': 'breakpointId',
  'Debugger.removeBreakpoint': 'breakpointId',
  'Runtime.addBinding': 'name',
  'Runtime.removeBinding': 'name',
};

/** What a debugger has set in a process, to be set in the next one. */
export class DebugSettings {
  /** Domains first: what is set in one that is not enabled is lost. */
  readonly #enabled = new Map<string, Command>();
  readonly #set = new Map<string, Setting>();

  static includes(method: string): boolean {
    return SETTINGS.has(method) || method in NAMED || /\.(?:enable|disable)$/.test(method);
  }

  /** The command has succeeded. */
  note({ method, params = {} }: Command, result: Record<string, unknown> = {}): void {
    const [domain = '', name] = method.split('.');
    if (name === 'enable') this.#enabled.set(domain, { method, params });
    else if (name === 'disable') this.#disable(domain);
    else if (SETTINGS.has(method)) this.#set.set(method, { method, params });
    else if (method in NAMED) {
      const key = NAMED[method] as string;
      const id = String(result[key] ?? params[key]);
      if (name?.startsWith('remove')) this.#set.delete(`${domain}.${id}`);
      else this.#set.set(`${domain}.${id}`, { method, params, id });
    }
  }

  isEnabled(domain: string): boolean {
    return this.#enabled.has(domain);
  }

  /** In the order in which they are to be given. */
  get commands(): Setting[] {
    return [...this.#enabled.values(), ...this.#set.values()];
  }

  #disable(domain: string): void {
    this.#enabled.delete(domain);
    for (const key of this.#set.keys()) if (key.startsWith(`${domain}.`)) this.#set.delete(key);
  }
}
