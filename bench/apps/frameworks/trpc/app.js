// Counts each mutation, and sends numbered events to a subscription: by event stream and by WebSocket.
import { EventEmitter, on } from 'node:events';
import { initTRPC, tracked } from '@trpc/server';
import { createHTTPServer } from '@trpc/server/adapters/standalone';
import { applyWSSHandler } from '@trpc/server/adapters/ws';
import { keep, onShutdown } from 'handover';
import { WebSocketServer } from 'ws';

const VERSION = 1;
const state = keep('state', () => ({ count: 0, event: 0 }));
const tell = () => ({ version: VERSION, pid: process.pid, count: state.count });
const events = new EventEmitter().setMaxListeners(0);

const t = initTRPC.create();
const router = t.router({
  counter: t.procedure.query(tell),
  count: t.procedure.mutation(() => {
    state.count++;
    return tell();
  }),
  events: t.procedure
    .input((value) => value ?? {})
    .subscription(async function* ({ input, signal }) {
      const next = on(events, 'event', { signal });
      let last = Number(input.lastEventId ?? state.event);
      while (last < state.event) yield tracked(String(++last), last);
      for await (const [event] of next) yield tracked(String(event), event);
    }),
});

const server = createHTTPServer({ router });
applyWSSHandler({ wss: new WebSocketServer({ server }), router });

let timer;
function start() {
  timer = setInterval(() => events.emit('event', ++state.event), 20);
}
const pause = () => clearInterval(timer);
start();
onShutdown('events', { pause, resume: start, stop: pause });
server.listen(Number(process.env.PORT), '127.0.0.1');
