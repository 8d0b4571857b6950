// The least that an app can do: what is measured is what lies below it.
import http from 'node:http';

const VERSION = 1;
const server = http.createServer((request, response) => {
  response.end(JSON.stringify({ version: VERSION, pid: process.pid }));
});
server.listen(Number(process.env.PORT), '127.0.0.1');
