// H3 on srvx, as Nitro runs it.
import { H3, serve } from 'h3';
import { keep } from 'handover';

const VERSION = 1;
const counter = keep('counter', () => ({ count: 0 }));
const tell = () => ({ version: VERSION, pid: process.pid, count: counter.count });

const app = new H3();
app.get('/', tell);
app.post('/count', async (event) => {
  await event.req.text();
  counter.count++;
  return tell();
});
serve(app, { port: Number(process.env.PORT), hostname: '127.0.0.1' });
