// A primary that tells its events, with their exact figures, to the process that started it.
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { ProcessRestarter } from '../../dist/index.js';
import { peakMemoryOf } from './proc.js';

const { entry, measureMemory, ...options } = JSON.parse(process.argv[2]);
const restarter = new ProcessRestarter(options).setCallbacks({ restartCommand: { exec: entry } });

for (const name of ['standby', 'receipt', 'drained', 'rolledBack', 'superseded', 'crashed', 'warning']) {
  restarter.on(name, (detail) => process.send({ name, detail }));
}

let servingPid;
restarter.on('committed', (detail) => {
  // By a clock that all processes share.
  const at = Number(process.hrtime.bigint()) / 1e6;
  // The old generation lives still: it is told to drain after this event.
  const memory = measureMemory && { old: servingPid && peakMemoryOf(servingPid), new: peakMemoryOf(detail.pid) };
  servingPid = detail.pid;
  process.send({ name: 'committed', detail: { ...detail, memory, at } });
});

// What else may be asked of it while it runs.
setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc');
process.on('message', ({ restart, heap }) => {
  if (restart) void restarter.restart(restart);
  if (heap) {
    collectGarbage();
    process.send({ name: 'heap', detail: { bytes: process.memoryUsage().heapUsed } });
  }
});

async function stop() {
  await restarter.stop();
  process.exit();
}
process.once('SIGTERM', stop);
process.once('disconnect', stop);

await restarter.start();
