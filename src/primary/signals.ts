import type { ProcessRestarter } from './process-restarter.ts';
import type { WorkerExit } from './worker-handle.ts';

/** npm passes on a Ctrl+C that the terminal has sent to its script already: within this many ms it is the same one. */
const NPM_ECHO = 200;

/**
 * The signals that end the primary: the first one gracefully, a second one at once. The primary then ends as the app
 * did: with its exit code, or by its signal.
 */
export function endOnSignals(restarter: ProcessRestarter): void {
  let firstAt: number | undefined;
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.on(signal, () => {
      const now = performance.now();
      if (firstAt === undefined) {
        firstAt = now;
        void restarter.stop(signal).then((exit) => endAs(exit ?? { code: null, signal }));
      } else if (process.env['npm_lifecycle_event'] === undefined || now - firstAt > NPM_ECHO) {
        restarter.kill();
        endAs({ code: null, signal });
      }
    });
  }
  if (process.platform !== 'win32') process.on('SIGUSR2', () => restarter.signal('SIGUSR2'));
}

function endAs({ code, signal }: WorkerExit): void {
  if (signal && signal !== 'SIGKILL') {
    process.removeAllListeners(signal);
    process.kill(process.pid, signal);
  } else {
    process.exit(code ?? 1);
  }
}
