// Isolates what a person waits for: from the save of an Express app to the first answer of the new code, side by side
// with the peers. The three run at once, at rest, and take turns, so that what else the machine does meets all alike.
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { below, zero } from '../lib/goals.js';
import { pollThroughSave, untilAnswered } from '../lib/poll.js';
import { withProcess } from '../lib/processes.js';
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
  ['rounds', 'rounds'],
  ['medianMs', 'median ms'],
  ['p95Ms', 'p95 ms'],
  ['failed', 'failed'],
  ['requests', 'requests'],
  ['ratio', 'times handover'],
];

export async function run({ quick, log }) {
  const rounds = quick ? 5 : 15;
  const measured = TOOLS.map(({ name }) => ({ name, times: [], failed: 0, requests: 0 }));
  await withTools(TOOLS, async (projects) => {
    await delay(SETTLE);
    for (let round = 0; round < rounds; round++) {
      for (const [index, project] of projects.entries()) {
        const { newCodeMs, failed, requests } = await pollThroughSave(project);
        const tool = measured[index];
        tool.times.push(newCodeMs);
        tool.failed += failed;
        tool.requests += requests;
        log(`round ${round + 1}/${rounds}: ${tool.name} ${newCodeMs.toFixed(0)} ms, ${failed} of ${requests} failed`);
        await delay(humanPause(round) * 2);
      }
    }
  });
  const [ours, ...peers] = measured.map((tool) => rowOf(tool, measured[0]));
  const goals = [
    ...peers.map((peer) => below(`median, against ${peer.tool}`, peer.medianMs, ours.medianMs, 'ms')),
    zero('failed', ours.failed),
  ];
  const note =
    'One client asks on new connections without a break; requests are counted from the save until shortly after the first answer of the new code.';
  return { rows: [ours, ...peers], goals, note };
}

function rowOf({ name, times, failed, requests }, ours) {
  return {
    tool: name,
    rounds: times.length,
    medianMs: round(median(times)),
    p95Ms: round(percentile(times, 0.95)),
    failed,
    requests,
    ratio: round(median(times) / median(ours.times)),
  };
}

/** Runs the app under each tool, each in a project of its own. */
async function withTools([tool, ...more], task, projects = []) {
  if (!tool) return task(projects);
  return withProject('express', (project) => {
    // nodemon takes `node` from the PATH: the one that runs the others.
    const PATH = `${path.dirname(process.execPath)}${path.delimiter}${process.env.PATH}`;
    return withProcess(
      process.execPath,
      tool.args,
      { cwd: project.dir, env: { PORT: String(project.port), PATH } },
      async () => {
        await untilAnswered(project.port);
        return withTools(more, task, [...projects, project]);
      },
    );
  });
}
