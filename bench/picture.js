// Draws docs/images/restart.svg, what a terminal shows of three restarts under load: `node bench/picture.js`. What it shows
// is what handover has printed and what the clients have counted.
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { withLoad } from './lib/clients.js';
import { stopAll, withProcess } from './lib/processes.js';
import { ROOT, withProject } from './lib/project.js';

const CLIENTS = 20;
const SAVES = 3;
const FONT = 13;
const LINE = 20;
const PADDING = 16;
/** A character's width, as a part of the font's size. */
const CHARACTER = 0.602;
const COLOURS = { text: '#e6edf3', muted: '#9198a1', good: '#3fb950', bad: '#f85149' };

const lines = await withProject('counter', (project) =>
  withProcess(
    process.execPath,
    [path.join(ROOT, 'dist/cli.js'), 'app.js'],
    { cwd: project.dir, env: { PORT: String(project.port) } },
    async ({ output }) => {
      while (!output().includes('generation 1')) await delay(20);
      const load = await withLoad(
        project.port,
        { clients: CLIENTS, method: 'POST', path: '/count', pauseMs: 5 },
        async (load) => {
          await load.more(500);
          for (let save = 1; save <= SAVES; save++) {
            await project.save();
            while (!output().includes(`generation ${save + 1}`)) await delay(20);
            await delay(700);
          }
          await load.stop();
          return load;
        },
      );
      const said = output().trim().split('\n');
      const counted = `${load.requests.toLocaleString('en')} requests of ${CLIENTS} clients meanwhile`;
      return [
        { text: '$ npx handover app.js', colour: 'text' },
        ...said.map((text) => ({ text, colour: text.startsWith('↻') ? 'good' : 'muted' })),
        { text: '', colour: 'muted' },
        {
          text: `${counted}: ${load.failed} failed, ${load.acknowledged - load.counts.size} repeated`,
          colour: load.failed > 0 ? 'bad' : 'text',
        },
      ];
    },
  ),
);
await stopAll();

const wrapped = lines.flatMap(({ text, colour }) => wrap(text, 100).map((part) => ({ text: part, colour })));
const width = Math.ceil(Math.max(...wrapped.map(({ text }) => text.length)) * FONT * CHARACTER) + 2 * PADDING;
const height = wrapped.length * LINE + 2 * PADDING;
const body = wrapped.map(
  ({ text, colour }, index) =>
    `<text x="${PADDING}" y="${PADDING + (index + 0.75) * LINE}" fill="${COLOURS[colour]}" xml:space="preserve">${escaped(text)}</text>`,
);
await writeFile(
  path.join(ROOT, 'docs/images/restart.svg'),
  `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img" font-family="ui-monospace, SFMono-Regular, Menlo, Consolas, monospace" font-size="${FONT}">
<title>${escaped(lines.map(({ text }) => text).join(' / '))}</title>
<rect width="${width}" height="${height}" rx="8" fill="#0d1117"/>
${body.join('\n')}
</svg>
`,
);

/** At spaces; what follows is indented. */
function wrap(text, length) {
  const parts = [];
  for (let rest = text; ;) {
    if (rest.length <= length) return [...parts, rest];
    const at = rest.lastIndexOf(' ', length);
    parts.push(rest.slice(0, at));
    rest = `    ${rest.slice(at + 1)}`;
  }
}

function escaped(text) {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}
