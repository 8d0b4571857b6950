import { serve } from '@hono/node-server';
import { keep } from 'handover';
import { Hono } from 'hono';

const VERSION = 1;
const counter = keep('counter', () => ({ count: 0 }));
const tell = () => ({ version: VERSION, pid: process.pid, count: counter.count });

const app = new Hono();
app.get('/', (context) => context.json(tell()));
app.post('/count', async (context) => {
  await context.req.text();
  counter.count++;
  return context.json(tell());
});
serve({ fetch: app.fetch, port: Number(process.env.PORT), hostname: '127.0.0.1' });
