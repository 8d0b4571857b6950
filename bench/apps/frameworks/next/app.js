// A custom server, as in Next's documentation. It takes the state when everything slow is done.
import { createServer } from 'node:http';
import { keep } from 'handover';
import next from 'next';

const VERSION = 1;
const app = next({ dev: false });
const handle = app.getRequestHandler();
await app.prepare();

const counter = keep('counter', () => ({ count: 0 }));
const tell = () => ({ version: VERSION, pid: process.pid, count: counter.count });
const add = () => {
  counter.count++;
  return tell();
};
createServer((request, response) => {
  request.counter = { tell, add };
  void handle(request, response);
}).listen(Number(process.env.PORT), '127.0.0.1');
