// Runs a program as the app of a primary, once, and ends as it ended.
import { ProcessRestarter } from 'handover';

const [exec, ...execArgv] = process.argv.slice(2);
const restarter = new ProcessRestarter({ standby: 0, preload: false, snapshot: false, watchPaths: [] });
// What was loaded may change meanwhile: a test writes files. It is not to be started again.
restarter.setCallbacks({ restartCommand: { exec, execArgv } });

restarter.on('rolledBack', ({ error }) => {
  process.stderr.write(`${error.stack ?? error.message}\n`);
  // What ended before it was ready without an error has told its exit code.
  end(Number(/exit code (\d+)/.exec(error.message)?.[1] ?? 1));
});
restarter.on('crashed', ({ code, signal, error }) => {
  if (error) process.stderr.write(`${error.stack ?? error.message}\n`);
  end(code ?? signal);
});
restarter.on('finished', ({ code }) => end(code));
process.on('SIGTERM', () => end(143));

await restarter.start();

function end(code) {
  // What the app has printed is on its way: its output is its own.
  if (typeof code === 'string') process.stderr.write(`ended by ${code}\n`);
  void restarter.stop().finally(() => process.exit(typeof code === 'string' ? 128 : code));
}
