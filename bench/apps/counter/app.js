// Counts requests to /count in kept state and answers with the count; any other path tells it without counting.
import http from 'node:http';
import { keep } from 'handover';

const VERSION = 1;
const state = keep('state', () => ({ count: 0 }));

const server = http.createServer((request, response) => {
  request.resume().on('end', () => {
    if (request.url === '/count') state.count++;
    response.end(JSON.stringify({ version: VERSION, pid: process.pid, count: state.count }));
  });
});
server.listen(Number(process.env.PORT), '127.0.0.1');
