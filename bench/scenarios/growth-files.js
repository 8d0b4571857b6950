// Isolates what the size of a repository costs that the app does not load: from the start of the tool to the first
// answer, and the memory of the process that watches. What is watched is what is loaded, so it should cost nothing.
import { atMost } from '../lib/goals.js';
import { generateFiles } from '../lib/generate.js';
import { residentMemoryOf } from '../lib/proc.js';
import { median, round } from '../lib/statistics.js';
import { HANDOVER, NODEMON, ToolServer } from '../lib/tool-server.js';
import { linesOf, withProjects } from '../lib/turns.js';

const TOOLS = [HANDOVER, NODEMON];
const MB = 1e6;
/** How much more the largest repository may cost than the smallest. */
const FLAT = 1.2;

export const title = 'Growth: files in the repository';

export const columns = [
  ['files', 'files'],
  ['tool', 'tool'],
  ['starts', 'starts'],
  ['startMs', 'start to first answer, median ms'],
  ['rssMB', 'RSS of the watching process, MB'],
];

export async function run({ quick, log }) {
  const sizes = quick ? [1000, 5000] : [1000, 10_000, 100_000];
  const rounds = quick ? 2 : 4;
  const rows = await withProjects('bare', sizes.length, async (projects) => {
    sizes.forEach((files, index) => {
      log(`making ${files} files`);
      generateFiles(projects[index].dir, files);
    });
    const measured = TOOLS.flatMap((tool) =>
      sizes.map((files, index) => ({ tool, files, project: projects[index], starts: [], memory: [] })),
    );
    for (let turn = 0; turn < rounds; turn++) {
      log(`round ${turn + 1} of ${rounds}`);
      // A peer that looks at every file is at rest late.
      for (const one of measured) if (one.tool === HANDOVER || turn < 2) await startOnce(one);
    }
    return measured.map(({ tool, files, starts, memory }) => ({
      files,
      tool: tool.name,
      starts: starts.length,
      startMs: round(median(starts)),
      rssMB: round(median(memory) / MB),
    }));
  });
  const ours = rows.filter(({ tool }) => tool === HANDOVER.name);
  const growth = (key) => round(ours.at(-1)[key] / ours[0][key], 2);
  const range = `from ${sizes[0].toLocaleString('en-US')} to ${sizes.at(-1).toLocaleString('en-US')} files`;
  const goals = [
    atMost(`start to first answer, ${range}`, FLAT, 'times', growth('startMs')),
    atMost(`RSS of the primary, ${range}`, FLAT, 'times', growth('rssMB')),
  ];
  const note =
    'Source files of one line in folders of a hundred, none of which the app loads. The sizes and tools take turns; memory at rest.';
  const chart = (key, label, title) => ({
    file: `growth-files-${key === 'startMs' ? 'start' : 'memory'}`,
    title,
    kind: 'lines',
    x: { label: 'files', scale: 'log' },
    y: { label, scale: 'linear' },
    series: linesOf(rows, 'tool', 'files', key),
  });
  const charts = [
    chart('startMs', 'median ms', 'Start to first answer, by the number of files in the repository'),
    chart('rssMB', 'MB', 'Memory of the watching process, by the number of files in the repository'),
  ];
  return { rows, goals, note, charts };
}

async function startOnce({ tool, project, starts, memory }) {
  const server = new ToolServer(tool, project);
  try {
    starts.push(await server.start());
    await server.atRest();
    memory.push(residentMemoryOf(server.pid));
  } finally {
    await server.stop();
  }
}
