type Send = NonNullable<NodeJS.Process['send']>;

/**
 * Node tells the primary of each module that it loads by process.send (see REPORT_ENV), whatever that is by then. An app
 * that puts a function of its own there gets what it sends itself, and not these: it could not know them.
 */
export function keepReports(): void {
  const original = process.send as Send;
  const install = (current: unknown): void => {
    Object.defineProperty(process, 'send', {
      configurable: true,
      enumerable: true,
      get: () => current,
      set(replacement: unknown) {
        install(isSend(replacement) ? withReports(replacement, original) : replacement);
      },
    });
  };
  install(original);
}

function withReports(send: Send, original: Send): Send {
  return new Proxy(send, {
    apply: (target, self, args) => Reflect.apply(isReport(args[0]) ? original : target, self, args) as unknown,
  });
}

function isSend(value: unknown): value is Send {
  return typeof value === 'function';
}

/** See LoadedModules. */
export function isReport(message: unknown): boolean {
  if (typeof message !== 'object' || message === null) return false;
  return 'watch:import' in message || 'watch:require' in message;
}
