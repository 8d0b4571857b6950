import Koa from 'koa';
import { keep } from 'handover';

const VERSION = 1;
const counter = keep('counter', () => ({ count: 0 }));

const app = new Koa();
app.use(async (context, next) => {
  await next();
  context.set('x-answered-by', String(process.pid));
});
app.use(async (context) => {
  if (context.method === 'POST' && context.path === '/count') counter.count++;
  context.body = { version: VERSION, pid: process.pid, count: counter.count };
});
app.listen(Number(process.env.PORT), '127.0.0.1');
