import express from 'express';
import { keep } from 'handover';

const VERSION = 1;
const counter = keep('counter', () => ({ count: 0 }));
const tell = () => ({ version: VERSION, pid: process.pid, count: counter.count });

const app = express();
app.use(express.json());
app.get('/', (request, response) => {
  response.json(tell());
});
app.post('/count', (request, response) => {
  counter.count++;
  response.json(tell());
});
app.listen(process.env.PORT, '127.0.0.1');
