// Isolates what dependencies cost: from the save of an app's own module to the first answer of the new code, while
// what the app imports from node_modules grows. Only the app's own code changes, so only that should cost.
import { atMost, exactly } from '../lib/goals.js';
import { generateDependencies, generateModules } from '../lib/generate.js';
import { HANDOVER, IN_PROCESS, NODEMON } from '../lib/tool-server.js';
import { linesOf, saveInTurns } from '../lib/turns.js';

const TOOLS = [HANDOVER, NODEMON, ...IN_PROCESS];
const OWN_MODULES = 10;
/** How much longer a save may take with the most dependencies than with none. */
const FLAT = 1.3;

export const title = 'Growth: modules of dependencies';

export const columns = [
  ['dependencies', 'modules below node_modules'],
  ['tool', 'tool'],
  ['saves', 'saves'],
  ['missed', 'missed'],
  ['medianMs', 'median ms'],
  ['longestMs', 'longest ms'],
  ['failed', 'failed'],
  ['requests', 'requests'],
];

export async function run({ quick, log }) {
  const sizes = quick ? [0, 500] : [0, 500, 5000];
  const rows = [];
  for (const dependencies of sizes) {
    log(`${dependencies} modules of dependencies`);
    const measured = await saveInTurns({
      app: 'tree',
      tools: TOOLS,
      rounds: quick ? 2 : 4,
      longest: 8000,
      prepare(project) {
        project.saved = 'saved.js';
        generateModules(project.dir, OWN_MODULES);
        generateDependencies(project.dir, dependencies);
      },
    });
    rows.push(...measured.map((row) => ({ dependencies, ...row })));
  }
  const ours = rows.filter(({ tool }) => tool === HANDOVER.name);
  const growth = Number((ours.at(-1).medianMs / ours[0].medianMs).toFixed(2));
  const goals = [
    atMost(`median with ${sizes.at(-1).toLocaleString('en-US')}, against none`, FLAT, 'times', growth),
    ...ours.map((row) => exactly('failed', 0, row.failed, `${row.dependencies} modules`)),
    ...ours.map((row) => exactly('missed', 0, row.missed, `${row.dependencies} modules`)),
  ];
  const note = `An app of ${OWN_MODULES} modules of its own, one of which is saved. Packages of 50 modules of about 1 kB, half of them CommonJS, half ES modules. Each save comes when the tool and all its processes are at rest.`;
  const chart = {
    file: 'growth-dependencies',
    title: 'Save to new code, by the number of modules in dependencies',
    kind: 'lines',
    x: { label: 'modules below node_modules', scale: 'linear' },
    y: { label: 'median ms', scale: 'log' },
    series: linesOf(rows, 'tool', 'dependencies', 'medianMs'),
  };
  return { rows, goals, note, charts: [chart] };
}
