// Counts each mutation, and sends numbered events to a subscription.
import { EventEmitter, on } from 'node:events';
import { createServer } from 'node:http';
import { GraphQLInt, GraphQLNonNull, GraphQLObjectType, GraphQLSchema } from 'graphql';
import { useServer } from 'graphql-ws/use/ws';
import { keep, onShutdown } from 'handover';
import { WebSocketServer } from 'ws';

const VERSION = 1;
const state = keep('state', () => ({ count: 0, event: 0 }));
const tell = () => ({ version: VERSION, pid: process.pid, count: state.count });
const events = new EventEmitter().setMaxListeners(0);

const int = { type: new GraphQLNonNull(GraphQLInt) };
const Answer = new GraphQLObjectType({ name: 'Answer', fields: { version: int, pid: int, count: int } });
const schema = new GraphQLSchema({
  query: new GraphQLObjectType({ name: 'Query', fields: { counter: { type: Answer, resolve: tell } } }),
  mutation: new GraphQLObjectType({
    name: 'Mutation',
    fields: {
      count: {
        type: Answer,
        resolve() {
          state.count++;
          return tell();
        },
      },
    },
  }),
  subscription: new GraphQLObjectType({
    name: 'Subscription',
    fields: {
      event: {
        ...int,
        async *subscribe() {
          for await (const [event] of on(events, 'event')) yield { event };
        },
      },
    },
  }),
});

const server = createServer((request, response) => response.end(JSON.stringify(tell())));
useServer({ schema }, new WebSocketServer({ server, path: '/graphql' }));

let timer;
function start() {
  timer = setInterval(() => events.emit('event', ++state.event), 20);
}
const pause = () => clearInterval(timer);
start();
onShutdown('events', { pause, resume: start, stop: pause });
server.listen(Number(process.env.PORT), '127.0.0.1');
