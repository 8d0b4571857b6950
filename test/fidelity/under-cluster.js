// Runs a program as the only worker of Node's own cluster, and ends as it ended.
import cluster from 'node:cluster';
import { fileURLToPath } from 'node:url';

const [exec, ...execArgv] = process.argv.slice(2);
const leaveChannel = fileURLToPath(new URL('leave-channel.cjs', import.meta.url));
cluster.setupPrimary({ exec, execArgv: [...execArgv, '--require', leaveChannel], args: [] });
const worker = cluster.fork();
worker.process.on('exit', (code, signal) => process.exit(signal ? 128 : code));
