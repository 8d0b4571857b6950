import cluster from 'node:cluster';
import { runPrimary, runWorker } from 'handover';

if (cluster.isPrimary && process.env.NODE_ENV !== 'production') {
  await runPrimary();
} else {
  await runWorker({
    load: () => import('./app.js'),
    start: (app, { state }) => app.listen(Number(process.env.PORT), state),
    save: (app) => app.state,
  });
}
