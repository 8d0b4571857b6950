import express, { type Request, type Response } from 'express';
import { Counter } from './counter.js';

const counter = new Counter();
const app = express();
app.use(express.json());
app.get('/', (request: Request, response: Response) => {
  response.json(counter.tell());
});
app.post('/count', (request: Request, response: Response) => {
  response.json(counter.add());
});
app.listen(Number(process.env.PORT), '127.0.0.1');
