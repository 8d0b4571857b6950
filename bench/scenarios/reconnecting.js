// Isolates what clients notice that hold a connection for long and come back by themselves: real ones of each library, as
// it sets them by default. Each sends messages that are counted, and hears numbered events.
import { setTimeout as delay } from 'node:timers/promises';
import { withCommandLine } from '../lib/command-line.js';
import { exactly } from '../lib/goals.js';
import { withProject } from '../lib/project.js';
import {
  graphqlWs,
  socketIo,
  socketIoPolling,
  trpcEventStream,
  trpcWebSocket,
  webSocket,
} from '../lib/reconnecting-clients.js';
import { withReconnecting } from '../lib/reconnecting.js';
import { median, round } from '../lib/statistics.js';

const CLIENTS = 8;
/** Until every client sends and hears again, in milliseconds. */
const SETTLE = 150;

const LIBRARIES = [
  { name: 'ws', app: 'ws', connect: webSocket },
  { name: 'Socket.IO', app: 'socket.io', connect: socketIo },
  { name: 'Socket.IO, long polling', app: 'socket.io', connect: socketIoPolling },
  { name: 'Socket.IO, sessions kept', app: 'socket.io-sessions', connect: socketIo, replays: true },
  { name: 'graphql-ws', app: 'graphql-ws', connect: graphqlWs },
  { name: 'tRPC, event stream', app: 'trpc', connect: trpcEventStream, replays: true },
  { name: 'tRPC, WebSocket', app: 'trpc', connect: trpcWebSocket, replays: true },
];

export const page = 'connections.md';

export const title = 'Clients that reconnect';

export const columns = [
  ['library', 'library'],
  ['node', 'Node.js'],
  ['restarts', 'restarts'],
  ['reconnections', 'reconnections'],
  ['reconnectMedianMs', 'until reconnected, median ms'],
  ['reconnectLongestMs', 'longest ms'],
  ['sent', 'messages'],
  ['unanswered', 'unanswered'],
  ['lost', 'lost'],
  ['missed', 'events missed'],
  ['repeated', 'events repeated'],
];

export async function run({ quick, nodes, log }) {
  const saves = quick ? 3 : 20;
  const rows = [];
  const goals = [];
  for (const node of nodes) {
    for (const library of LIBRARIES) {
      const row = await measure(library, node, saves);
      log(
        `${library.name} on Node.js ${node.version}: ${row.lost} of ${row.sent} lost, ended by ${JSON.stringify(row.ends)}`,
      );
      for (const complaint of row.complaints) log(`  ${complaint}`);
      rows.push(row);
      const where = `${library.name}, Node.js ${node.version}`;
      goals.push(
        exactly('restarts', saves, row.restarts, where),
        exactly('lost', 0, row.lost, where),
        exactly('events repeated', 0, row.repeated, where),
        ...(library.replays
          ? [exactly('events missed where the library asks for them again', 0, row.missed, where)]
          : []),
      );
    }
  }
  const note = `${CLIENTS} clients, each of which sends a message 20 ms after the answer to the one before, and hears an event every 20 ms. Unanswered: on their way when the connection ended, so that the client can't know. Lost: answered, but not counted. The time until reconnected is the library's own, but for ws, whose client connects anew at once.`;
  return { rows, goals, note };
}

function measure({ name, app, connect }, node, saves) {
  return withProject(`frameworks/${app}`, (project) =>
    withCommandLine(project, { node: node.path }, (tool) =>
      withReconnecting(connect, project.port, CLIENTS, async (clients) => {
        await clients.up(0);
        await delay(SETTLE);
        let reconnections = 0;
        await tool.restarts(project, saves, {
          servingPid: () => clients.noted.servingPid,
          async onCommitted() {
            await clients.up(++reconnections);
            await delay(SETTLE);
          },
        });
        return {
          library: name,
          node: node.version,
          restarts: tool.generation - 1,
          reconnections: clients.all('reconnectMs').length,
          reconnectMedianMs: round(median(clients.all('reconnectMs'))),
          reconnectLongestMs: round(Math.max(...clients.all('reconnectMs'))),
          sent: clients.sum('sent'),
          unanswered: clients.sum('unanswered'),
          lost: clients.sum('acknowledged') - clients.noted.counts.size,
          missed: clients.sum('missed'),
          repeated: clients.sum('repeated'),
          ends: countOf(clients.all('ends')),
          complaints: tool.complaints,
        };
      }),
    ),
  );
}

/** How often each end was seen by any client. */
function countOf(ends) {
  const counts = {};
  for (const [why, count] of ends.flatMap(Object.entries)) counts[why] = (counts[why] ?? 0) + count;
  return counts;
}
