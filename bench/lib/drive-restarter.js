// A primary that tells its events, with their exact figures, to the process that started it.
import { ProcessRestarter } from '../../dist/index.js';
import { peakMemoryOf } from './proc.js';

const { entry, measureMemory, ...options } = JSON.parse(process.argv[2]);
const restarter = new ProcessRestarter(options).setCallbacks({ restartCommand: { exec: entry } });

for (const name of ['standby', 'receipt', 'rolledBack', 'superseded', 'crashed', 'warning']) {
  restarter.on(name, (detail) => process.send({ name, detail }));
}

let servingPid;
restarter.on('committed', (detail) => {
  // The old generation lives still: it is told to drain after this event.
  const memory = measureMemory && { old: servingPid && peakMemoryOf(servingPid), new: peakMemoryOf(detail.pid) };
  servingPid = detail.pid;
  process.send({ name: 'committed', detail: { ...detail, memory } });
});

async function stop() {
  await restarter.stop();
  process.exit();
}
process.once('SIGTERM', stop);
process.once('disconnect', stop);

await restarter.start();
