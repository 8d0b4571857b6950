// Listens where Fastify does by itself: at both addresses of localhost. Logs through pino, to a file of its own.
import Fastify from 'fastify';
import { keep } from 'handover';

const VERSION = 1;
const counter = keep('counter', () => ({ count: 0 }));
const tell = () => ({ version: VERSION, pid: process.pid, count: counter.count });

const fastify = Fastify({
  logger: { level: 'warn', transport: { target: 'pino/file', options: { destination: 'app.log' } } },
});
fastify.get('/', async () => tell());
fastify.post('/count', async () => {
  counter.count++;
  return tell();
});
await fastify.listen({ port: Number(process.env.PORT) });
