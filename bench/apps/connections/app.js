// Keeps a little state, and tells when the EXPECTEDth connection has reached this process, by a clock that all
// processes share.
import http from 'node:http';
import { keep } from 'handover';

const VERSION = 1;
const expected = Number(process.env.EXPECTED);
const state = keep('state', () => ({ count: 0 }));
let connections = 0;
let allAt = null;

const server = http.createServer((request, response) => {
  state.count++;
  const text = JSON.stringify({ version: VERSION, pid: process.pid, connections, allAt });
  // In one write, with a length: the client looks for the end of the answer in what comes at once.
  response.writeHead(200, { 'content-length': text.length }).end(text);
});
server.on('connection', () => {
  if (++connections === expected) allAt = Number(process.hrtime.bigint()) / 1e6;
});
// An idle connection stays open until its client ends it.
server.keepAliveTimeout = 0;
server.listen(Number(process.env.PORT), '127.0.0.1');
