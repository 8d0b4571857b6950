// Isolates what a person waits for: from the save of an app to the first answer of the new code, side by side with the
// peers and with what no tool can go below. All tools of an app run at once, at rest, and take turns, so that what else
// the machine does meets all alike; the next turn comes when the tool before it has come to rest. A tool that misses a
// save (node --watch goes on watching the file that was replaced) is started anew.
import { atMost, below, exactly } from '../lib/goals.js';
import { saveAndImport } from '../lib/limit.js';
import { pollThroughSave, untilAnswered } from '../lib/poll.js';
import { descendantsOf } from '../lib/proc.js';
import { startProcess } from '../lib/processes.js';
import { withProjects } from '../lib/project.js';
import { shareOfProcessor, untilAtRest } from '../lib/rest.js';
import { median, percentile, round } from '../lib/statistics.js';
import { humanPause } from '../lib/time.js';
import * as tools from '../lib/tools.js';

/** The least wait after a start, in milliseconds, and for handover after a save: its next standby comes a little later. */
const SETTLE = 1500;

const JAVASCRIPT = {
  ours: [{ tool: tools.HANDOVER, limit: {} }],
  peers: [tools.BUN_HOT, tools.BUN_WATCH, tools.NODEMON, tools.DENO_WATCH, tools.NODE_WATCH, tools.TSX_WATCH],
};
const TYPESCRIPT = {
  ours: [
    { tool: tools.HANDOVER, limit: { execArgv: tools.TSX_LOADER } },
    { tool: tools.HANDOVER_24, limit: { node: tools.NODE_24 } },
  ],
  peers: [tools.BUN_HOT, tools.BUN_WATCH, tools.NODEMON_TSX, tools.DENO_WATCH, tools.NODE_24_WATCH, tools.TSX_WATCH],
};
const APPS = [
  {
    name: 'Express',
    folder: 'express',
    ...JAVASCRIPT,
    goals: [within(30), belowOf('bun --hot'), partOf('a sixth', 6, 'nodemon')],
  },
  {
    name: 'heavy',
    folder: 'heavy',
    ...JAVASCRIPT,
    goals: [within(30), partOf('a quarter', 4, 'bun --hot'), partOf('a twentieth', 20, 'nodemon')],
  },
  { name: 'TypeScript', folder: 'typescript', ...TYPESCRIPT, goals: [belowBest] },
  { name: 'CommonJS', folder: 'commonjs', ...JAVASCRIPT, goals: [belowBest] },
];

export const title = 'Save to new code';

export const columns = [
  ['app', 'app'],
  ['tool', 'tool'],
  ['saves', 'saves'],
  ['missed', 'missed'],
  ['medianMs', 'median ms'],
  ['p95Ms', 'p95 ms'],
  ['ratio', 'times handover'],
  ['failed', 'failed'],
  ['outdated', 'stale'],
  ['requests', 'requests'],
];

export async function run({ quick, log }) {
  const rounds = quick ? 2 : 7;
  const rows = [];
  const goals = [];
  for (const app of APPS) {
    const measured = await measure(app, rounds, (text) => log(`${app.name}: ${text}`));
    rows.push(...measured.flatMap(({ row, limit }) => (limit ? [limit, row] : [row])));
    goals.push(...goalsOf(app, measured));
  }
  const note =
    'One client asks on new connections without a break; its requests count from the save until shortly after the first answer of the new code. ' +
    'A save is a file that takes the place of the other, as most editors do it; one without new code within 3 s was missed: it is in no median, and the requests of these 3 s count, too. ' +
    'Stale is an answer of the old code after one of the new. The limit of an app is what no tool can go below: the notice of the save (fs.watch), and the import of the own modules of the app by a process that has every package loaded. ' +
    'On TypeScript, Node.js 20 runs handover and tsx.';
  return { rows, goals, note, charts: [chartOf(rows)] };
}

/** Saves an app under each of its tools in turns; resolves with a row for each, and that of the limit of ours. */
async function measure({ name, folder, ours, peers }, rounds, log) {
  const parts = [...ours, ...peers.map((tool) => ({ tool }))].filter(({ tool }) => {
    if (!tools.isThere(tool)) log(`${tool.name} is left out: there is no ${tool.command}`);
    return tools.isThere(tool);
  });
  return withProjects(folder, parts.length + 1, async ([limitProject, ...projects]) => {
    const servers = parts.map(({ tool, limit }, index) => new Server(tool, projects[index], limit));
    try {
      for (const server of servers) await server.start();
      await Promise.all(servers.map((server) => server.settle(SETTLE)));
      for (const server of servers) log(`${server.name} uses ${await server.percentAtRest()} % of a processor at rest`);
      for (let round = 0; round < rounds; round++) {
        for (const server of servers) {
          log(`round ${round + 1} of ${rounds}: ${server.name} ${textOf(await server.save(round))}`);
          await server.measureLimit(limitProject);
        }
      }
    } finally {
      await Promise.all(servers.map((server) => server.stop()));
    }
    return servers.map((server) => ({
      tool: server.name,
      isOurs: ours.some(({ tool }) => tool.name === server.name),
      row: rowOf(name, server.name, server.polls, servers[0].polls),
      limit: server.limits.length > 0 ? limitRowOf(name, server.name, server.limits, servers[0].polls) : undefined,
    }));
  });
}

/** The app under a tool. */
class Server {
  polls = [];
  limits = [];
  #tool;
  #project;
  #limit;
  #process;

  constructor(tool, project, limit) {
    this.#tool = tool;
    this.#project = project;
    this.#limit = limit;
  }

  get name() {
    return this.#tool.name;
  }

  async start() {
    const { command, args } = this.#tool;
    const settings = { cwd: this.#project.dir, env: tools.environmentOf(this.#project) };
    this.#process = startProcess(command, args(this.#project.entry), settings);
    try {
      const { pid } = await untilAnswered(this.#project.port);
      if (![this.#process.pid, ...descendantsOf(this.#process.pid)].includes(pid)) {
        throw new Error(`process ${pid} answers, which is not of this tool`);
      }
    } catch (error) {
      throw new Error(`${this.name}: ${error.message}; it printed:\n${this.#process.output()}`, { cause: error });
    }
  }

  async settle(least) {
    await untilAtRest(this.#process.pid, least);
  }

  async percentAtRest() {
    return round(100 * (await shareOfProcessor(this.#process.pid, 300)));
  }

  /** Resolves when the tool has come to rest. */
  async save(round) {
    const poll = await pollThroughSave(this.#project);
    this.polls.push(poll);
    if (poll.newCodeMs === undefined) {
      await this.stop();
      await this.start();
    }
    await this.settle(this.#limit || poll.newCodeMs === undefined ? SETTLE : humanPause(round));
    return poll;
  }

  async measureLimit(project) {
    if (this.#limit) this.limits.push(await saveAndImport(project, this.#limit));
  }

  async stop() {
    await this.#process?.stop();
    this.#process = undefined;
  }
}

function textOf({ newCodeMs, failed, requests }) {
  return `${newCodeMs === undefined ? 'missed' : `${newCodeMs.toFixed(0)} ms`}, ${failed} of ${requests} failed`;
}

function rowOf(app, tool, polls, ours) {
  const sum = (key) => polls.reduce((total, poll) => total + poll[key], 0);
  const times = timesOf(polls);
  return {
    app,
    tool,
    saves: polls.length,
    missed: polls.length - times.length,
    medianMs: round(median(times)),
    p95Ms: round(percentile(times, 0.95)),
    ratio: round(median(times) / median(timesOf(ours)), 2),
    failed: sum('failed'),
    outdated: sum('outdated'),
    requests: sum('requests'),
  };
}

function limitRowOf(app, tool, limits, ours) {
  const times = limits.map(({ noticeMs, importMs }) => noticeMs + importMs);
  const [notice, own] = ['noticeMs', 'importMs'].map((key) => round(median(limits.map((limit) => limit[key]))));
  return {
    app,
    tool: `limit of ${tool}: notice ${notice} + import ${own}`,
    limitOf: tool,
    saves: times.length,
    missed: null,
    medianMs: round(median(times)),
    p95Ms: round(percentile(times, 0.95)),
    ratio: round(median(times) / median(timesOf(ours)), 2),
    failed: null,
    outdated: null,
    requests: null,
  };
}

function timesOf(polls) {
  return polls.map(({ newCodeMs }) => newCodeMs).filter((time) => time !== undefined);
}

// The goals of an app; a peer that is not there, or has missed every save, has no median to be held against.

function goalsOf({ name, goals }, measured) {
  const peers = measured.filter(({ isOurs, row }) => !isOurs && row.medianMs !== null).map(({ row }) => row);
  return measured
    .filter(({ isOurs }) => isOurs)
    .flatMap(({ row, limit }) => {
      const where = row.tool === 'handover' ? name : `${name}, ${row.tool}`;
      return [
        ...goals.flatMap((goal) => goal(row, peers, where)),
        atMost('median, as a multiple of the limit', 2.5, 'times', round(row.medianMs / limit.medianMs, 2), where),
        exactly('failed', 0, row.failed, where),
        exactly('missed', 0, row.missed, where),
        exactly('stale', 0, row.outdated, where),
      ];
    });
}

function within(limit) {
  return ({ medianMs }, _, where) => [atMost('median of the Express and the heavy app', limit, 'ms', medianMs, where)];
}

function belowOf(name) {
  return ({ app, medianMs }, peers) =>
    peers
      .filter(({ tool }) => tool === name)
      .map((peer) => below(`median of the ${app} app, against ${name}`, peer.medianMs, 'ms', medianMs));
}

function partOf(part, divisor, name) {
  return ({ app, medianMs }, peers) =>
    peers
      .filter(({ tool }) => tool === name)
      .map((peer) => {
        const what = `median of the ${app} app, against ${part} of ${name}`;
        return atMost(what, round(peer.medianMs / divisor), 'ms', medianMs);
      });
}

function belowBest({ app, medianMs }, peers, where) {
  const best = peers.toSorted((a, b) => a.medianMs - b.medianMs)[0];
  return best
    ? [below(`median of the ${app} app, against its best peer, ${best.tool}`, best.medianMs, 'ms', medianMs, where)]
    : [];
}

function chartOf(rows) {
  const groups = APPS.map(({ name }) => name);
  const seriesOf = (nameOf, toneOf) =>
    [...new Set(rows.map(nameOf))].filter(Boolean).map((name) => ({
      name,
      tone: toneOf(name),
      values: groups.map((app) => rows.find((row) => row.app === app && nameOf(row) === name)?.medianMs ?? null),
    }));
  const limits = seriesOf(
    ({ limitOf }) => limitOf?.replace('handover', 'limit'),
    () => 'reference',
  );
  const shown = seriesOf(
    ({ limitOf, tool }) => (limitOf ? undefined : tool),
    (name) => (name.startsWith('handover') ? 'own' : 'peer'),
  );
  const isOwn = ({ tone }) => tone === 'own';
  const series = [...limits, ...shown.filter(isOwn), ...shown.filter((each) => !isOwn(each))];
  return {
    file: 'save-to-new-code',
    title: 'From the save to the first answer of the new code, median',
    kind: 'bars',
    unit: 'ms',
    scale: 'log',
    groups,
    series,
  };
}
