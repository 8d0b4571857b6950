// Isolates what an app's own modules cost: from the save of one of them to the first answer of the new code, while the
// app grows. Every restarter loads them all anew; the peers boot Node.js before that.
import { below, exactly } from '../lib/goals.js';
import { generateDependencies, generateModules } from '../lib/generate.js';
import { HANDOVER, IN_PROCESS, NODEMON, NODE_WATCH } from '../lib/tool-server.js';
import { linesOf, saveInTurns } from '../lib/turns.js';

const TOOLS = [HANDOVER, NODEMON, NODE_WATCH, ...IN_PROCESS];

export const title = "Growth: the app's own modules";

export const columns = [
  ['modules', 'modules'],
  ['tool', 'tool'],
  ['saves', 'saves'],
  ['missed', 'missed'],
  ['medianMs', 'median ms'],
  ['longestMs', 'longest ms'],
  ['failed', 'failed'],
  ['requests', 'requests'],
];

export async function run({ quick, log }) {
  const sizes = quick ? [10, 300] : [10, 100, 1000, 3000];
  const rows = [];
  const goals = [];
  for (const modules of sizes) {
    log(`${modules} modules`);
    const rounds = quick ? 2 : 3;
    const longest = modules > 1000 ? 6000 : 2000;
    const measured = await saveInTurns({
      app: 'tree',
      tools: TOOLS,
      rounds,
      longest,
      prepare(project) {
        project.saved = 'saved.js';
        generateModules(project.dir, modules);
        generateDependencies(project.dir, 0);
      },
    });
    rows.push(...measured.map((row) => ({ modules, ...row })));
    const [ours, ...peers] = measured;
    const where = `${modules} modules`;
    const times = peers.map(({ medianMs }) => medianMs).filter((time) => time !== null);
    goals.push(
      below('median, against the best peer at that size', 1, 'times', ratio(ours.medianMs, Math.min(...times)), where),
      exactly('failed', 0, ours.failed, where),
      exactly('missed', 0, ours.missed, where),
    );
  }
  const note =
    'A tree of ES modules of about 1 kB. One client asks on new connections, a millisecond after each answer. Each save comes when the tool and all its processes are at rest; one without new code within 2 s (6 s above 1,000 modules) was missed.';
  const chart = {
    file: 'growth-modules',
    title: "Save to new code, by the number of the app's own modules",
    kind: 'lines',
    x: { label: 'modules', scale: 'log' },
    y: { label: 'median ms', scale: 'log' },
    series: linesOf(rows, 'tool', 'modules', 'medianMs'),
  };
  return { rows, goals, note, charts: [chart] };
}

function ratio(ours, peer) {
  return ours === null ? null : Number((ours / peer).toFixed(2));
}
