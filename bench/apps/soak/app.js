// A bit of everything: a counter in kept state, by Express; WebSockets that move and echo; an event stream.
import http from 'node:http';
import express from 'express';
import { keep, keepWebSockets } from 'handover';
import { WebSocketServer } from 'ws';

const VERSION = 1;
const state = keep('state', () => ({ count: 0 }));

const app = express();
app.post('/count', (request, response) => {
  request.resume().on('end', () => response.json({ version: VERSION, pid: process.pid, count: ++state.count }));
});
app.get('/stream', (request, response) => {
  response.writeHead(200, { 'content-type': 'text/event-stream' });
  response.write(`data: ${VERSION}\n\n`);
});
app.get('/', (request, response) => response.json({ version: VERSION, pid: process.pid, count: state.count }));

const server = http.createServer(app);
const wss = new WebSocketServer({ server });
keepWebSockets(wss);
wss.on('connection', (socket) => socket.on('message', (message) => socket.send(String(message))));
server.listen(Number(process.env.PORT), '127.0.0.1');
