import Hapi from '@hapi/hapi';
import { keep } from 'handover';

const VERSION = 1;
const counter = keep('counter', () => ({ count: 0 }));
const tell = () => ({ version: VERSION, pid: process.pid, count: counter.count });

const server = Hapi.server({ port: Number(process.env.PORT), host: '127.0.0.1' });
server.route({ method: 'GET', path: '/', handler: tell });
server.route({
  method: 'POST',
  path: '/count',
  handler: () => {
    counter.count++;
    return tell();
  },
});
await server.start();

process.on('unhandledRejection', (error) => {
  console.error(error);
  process.exit(1);
});
