import { Worker } from 'node:worker_threads';
import { isReport } from './module-reports.ts';

/**
 * From Node 24 on a thread of the app reports each module that it loads to the thread that has started it, as a message
 * like those of the app (lib/internal/worker.js, Node 24–26). The app gets only its own. `onReport`: gets the others; the
 * main thread needs none, since there Node passes them on to the primary itself.
 */
export function withholdThreadReports(onReport: (report: unknown) => void = () => {}): void {
  const emit = Worker.prototype.emit as (this: Worker, name: string | symbol, ...args: unknown[]) => boolean;
  const value = function (this: Worker, name: string | symbol, ...args: unknown[]): boolean {
    if (name !== 'message' || !isReport(args[0])) return Reflect.apply(emit, this, [name, ...args]) as boolean;
    onReport(args[0]);
    return true;
  };
  Object.defineProperty(Worker.prototype, 'emit', { configurable: true, writable: true, value });
}
