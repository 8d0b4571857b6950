// An app whose own modules, and those it depends on, are generated: see lib/generate.js.
import http from 'node:http';
import { dependencies } from './dependencies.js';
import { modules } from './modules/0.js';
import { VERSION } from './saved.js';

const server = http.createServer((request, response) => {
  response.end(JSON.stringify({ version: VERSION, pid: process.pid, modules, dependencies }));
});
server.listen(Number(process.env.PORT), '127.0.0.1');
