// Isolates what a person waits for: from the save of an Express app to the first answer of the new code, side by side
// with the peers. The three run at once, at rest, and take turns, so that what else the machine does meets all alike.
// A tool that misses a save (node --watch goes on watching the file that was replaced) is started anew.
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { below, exactly } from '../lib/goals.js';
import { pollThroughSave, untilAnswered } from '../lib/poll.js';
import { startProcess } from '../lib/processes.js';
import { BENCH, ROOT, withProject } from '../lib/project.js';
import { median, percentile, round } from '../lib/statistics.js';
import { humanPause } from '../lib/time.js';

const TOOLS = [
  { name: 'handover', args: [path.join(ROOT, 'dist', 'cli.js'), 'app.js'] },
  { name: 'node --watch', args: ['--watch', 'app.js'] },
  { name: 'nodemon', args: [path.join(BENCH, 'node_modules', 'nodemon', 'bin', 'nodemon.js'), 'app.js'] },
];

/** Until each tool is at rest after it has started, in milliseconds. */
const SETTLE = 1500;

export const title = 'Save to new code: an Express app';

export const columns = [
  ['tool', 'tool'],
  ['saves', 'saves'],
  ['missed', 'missed'],
  ['medianMs', 'median ms'],
  ['p95Ms', 'p95 ms'],
  ['ratio', 'times handover'],
  ['failed', 'failed'],
  ['requests', 'requests'],
];

export async function run({ quick, log }) {
  const rounds = quick ? 5 : 15;
  const polls = await withProjects(TOOLS, async (projects) => {
    const servers = TOOLS.map((tool, index) => new Server(tool, projects[index]));
    try {
      for (const server of servers) await server.start();
      for (let round = 0; round < rounds; round++) {
        for (const server of servers) {
          const poll = await server.save();
          log(`round ${round + 1} of ${rounds}: ${server.name} ${textOf(poll)}`);
          await delay(humanPause(round));
        }
      }
    } finally {
      for (const server of servers) await server.stop();
    }
    return servers.map((server) => server.polls);
  });
  const [ours, ...peers] = polls.map((own, index) => rowOf(TOOLS[index].name, own, polls[0]));
  const goals = [
    ...peers.map((peer) => below(`median, against ${peer.tool}`, peer.medianMs, 'ms', ours.medianMs)),
    exactly('failed', 0, ours.failed),
    exactly('missed', 0, ours.missed),
    exactly('answers of old code after the new', 0, ours.outdated),
  ];
  const note =
    'One client asks on new connections without a break; its requests count from the save until shortly after the first answer of the new code. ' +
    'A save is a file that takes the place of the other, as most editors do it; one without new code within 3 s was missed: it is in no median, and the requests of these 3 s count, too.';
  return { rows: [ours, ...peers], goals, note };
}

/** The app under a tool. */
class Server {
  polls = [];
  #tool;
  #project;
  #process;

  constructor(tool, project) {
    this.#tool = tool;
    this.#project = project;
  }

  get name() {
    return this.#tool.name;
  }

  async start() {
    // nodemon takes `node` from the PATH: let it be the one that runs the others.
    const PATH = `${path.dirname(process.execPath)}${path.delimiter}${process.env.PATH}`;
    const env = { PORT: String(this.#project.port), PATH };
    this.#process = startProcess(process.execPath, this.#tool.args, { cwd: this.#project.dir, env });
    await untilAnswered(this.#project.port);
    await delay(SETTLE);
  }

  async save() {
    const poll = await pollThroughSave(this.#project);
    this.polls.push(poll);
    if (poll.newCodeMs === undefined) {
      await this.stop();
      await this.start();
    }
    return poll;
  }

  async stop() {
    await this.#process?.stop();
    this.#process = undefined;
  }
}

function textOf({ newCodeMs, failed, requests }) {
  return `${newCodeMs === undefined ? 'missed' : `${newCodeMs.toFixed(0)} ms`}, ${failed} of ${requests} failed`;
}

function rowOf(tool, polls, ours) {
  const sum = (key) => polls.reduce((total, poll) => total + poll[key], 0);
  const times = timesOf(polls);
  return {
    tool,
    saves: polls.length,
    missed: polls.length - times.length,
    medianMs: round(median(times)),
    p95Ms: round(percentile(times, 0.95)),
    ratio: round(median(times) / median(timesOf(ours))),
    failed: sum('failed'),
    requests: sum('requests'),
    outdated: sum('outdated'),
  };
}

function timesOf(polls) {
  return polls.map(({ newCodeMs }) => newCodeMs).filter((time) => time !== undefined);
}

/** A project of its own for each tool. */
function withProjects([tool, ...more], task, projects = []) {
  if (!tool) return task(projects);
  return withProject('express', (project) => withProjects(more, task, [...projects, project]));
}
