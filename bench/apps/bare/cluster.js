// The same app in one worker of Node's own cluster.
import cluster from 'node:cluster';

if (cluster.isPrimary) {
  const worker = cluster.fork();
  process.once('SIGTERM', () => {
    worker.process.kill();
    process.exit();
  });
} else {
  await import('./app.js');
}
