// Isolates what clients notice of restarts that are not made of Node's own http module: curl, undici, wrk, and Chromium
// with a page that fetches, has an EventSource and a WebSocket. Those that are not installed are left out.
import { setTimeout as delay } from 'node:timers/promises';
import { request } from '../lib/clients.js';
import { withCommandLine } from '../lib/command-line.js';
import { connectedPorts } from '../lib/connected-ports.js';
import { exactly } from '../lib/goals.js';
import { withProject } from '../lib/project.js';
import { CLIENTS } from '../lib/real-clients.js';
import { median, round } from '../lib/statistics.js';

/** Until a client has all its connections, and has asked on them, in milliseconds. */
const SETTLE = 500;

export const page = 'connections.md';

export const title = 'Real clients';

export const columns = [
  ['client', 'client'],
  ['restarts', 'restarts'],
  ['requests', 'requests, messages or events'],
  ['failed', 'failed'],
  ['lost', 'lost'],
  ['repeated', 'repeated'],
  ['kept', 'connections kept'],
  ['longestWaitMs', 'longest wait, ms'],
  ['reconnectMedianMs', 'until reconnected, median ms'],
  ['reconnectLongestMs', 'longest ms'],
];

export async function run({ quick, nodes, log }) {
  const saves = quick ? 3 : 20;
  const rows = [];
  for (const client of CLIENTS) {
    if (!client.command) {
      log(`${client.name.split(',')[0]} is not installed: left out`);
      continue;
    }
    const measured = await measure(client, nodes[0], saves);
    for (const row of measured) log(`${row.client}: ${row.failed} of ${row.requests} failed`);
    rows.push(...measured);
  }
  const goals = rows.flatMap(({ client, restarts, failed, lost, repeated }) => [
    exactly('restarts', saves, restarts, client),
    exactly('failed', 0, failed, client),
    ...(lost === null ? [] : [exactly('lost', 0, lost, client)]),
    ...(repeated === null ? [] : [exactly('repeated', 0, repeated, client)]),
  ]);
  const note = `Express 5 with a kept counter on Node.js ${nodes[0].version}. Lost: answered, but not counted; of events: never heard. Of Chromium's six connections one is its WebSocket. Which answers wrk has got is not known: it has lost none when at least as many were counted.`;
  return { rows, goals, note };
}

function measure({ name, app, ask }, node, saves) {
  return withProject(`frameworks/${app}`, (project) =>
    withCommandLine(project, { node: node.path }, async (tool) => {
      let before;
      let kept;
      const result = await ask(project.port, async () => {
        await delay(SETTLE);
        before = connectedPorts(project.port);
        let { pid } = await request(project.port);
        await tool.restarts(project, saves, {
          servingPid: () => pid,
          async onCommitted({ version }) {
            const answer = await request(project.port);
            if (answer.version !== version)
              throw new Error(`version ${answer.version} answered after the commit of ${version}`);
            ({ pid } = answer);
          },
        });
        await delay(SETTLE);
        kept = [...connectedPorts(project.port)].filter((port) => before.has(port)).length;
      });
      const counted = await request(project.port);
      const base = { restarts: tool.generation - 1, kept: `${kept} of ${before.size}` };
      return Array.isArray(result)
        ? rowsOfPage(name, base, result, counted)
        : [rowOf(name, base, result, counted.count)];
    }),
  );
}

function rowOf(client, base, { requests, failed, acknowledged, different, longestMs }, counted) {
  return {
    client,
    ...base,
    requests,
    failed,
    lost: Math.max(0, acknowledged - counted),
    repeated: different === undefined ? null : acknowledged - different,
    longestWaitMs: round(longestMs),
    reconnectMedianMs: null,
    reconnectLongestMs: null,
  };
}

function rowsOfPage(name, { restarts, kept }, [fetched, events, socket], { count, messages }) {
  const rowFor = ({ name: api, requests, failed, longestMs, reconnectMs = [] }, how) => ({
    client: `${name}, ${api}`,
    restarts,
    requests,
    failed,
    kept: null,
    longestWaitMs: round(longestMs),
    reconnectMedianMs: round(median(reconnectMs)),
    reconnectLongestMs: reconnectMs.length > 0 ? round(Math.max(...reconnectMs)) : null,
    ...how,
  });
  const countsOf = ({ counts }, counted) => ({
    lost: Math.max(0, counts.length - counted),
    repeated: counts.length - new Set(counts).size,
  });
  return [
    rowFor(fetched, { kept, ...countsOf(fetched, count) }),
    rowFor(events, { lost: events.missed, repeated: events.repeated }),
    rowFor(socket, countsOf(socket, messages)),
  ];
}
