import assert from 'node:assert/strict';
import { setUp } from './fixture.js';

/**
 * An app that says which requests it handles, and whose second version stops twice while it starts: before it asks for
 * the state (`load`), and after it has got it (`pause`). POST counts; `?until=` answers when that file is there.
 */
export const gatedApp = ({
  listen,
  version,
  keeps,
  extra = '',
}) => `import fs from 'node:fs'; import http from 'node:http';
${keeps ? `import { keep } from 'handover';` : 'const keep = (key, init) => init();'}
const exists = (file) => new Promise((resolve) => { const timer = setInterval(() => fs.existsSync(file) && (clearInterval(timer), resolve()), 2); });
const gate = async (name) => { console.log('at ' + name); await exists(name); };
if (${version} > 1) await gate('load');
const state = keep('state', () => ({ handled: [] }));
if (${version} > 1) await gate('pause');
const server = http.createServer(async (request, response) => {
  const url = new URL(request.url, 'http://app');
  const id = url.searchParams.get('id');
  console.log('begun ' + id + ';');
  if (url.pathname === '/state') { response.end(JSON.stringify(state.handled)); return; }
  if (request.method === 'POST') {
    request.resume().on('end', () => { state.handled.push(id); response.end('v${version} ' + id + ';'); });
    return;
  }
  if (url.searchParams.has('until')) await exists(url.searchParams.get('until'));
  response.end('v${version} ' + id + ';');
});
${extra}
server.listen(${listen});
`;

/** The ways in which a restart can run. */
export const VARIANTS = {
  'with state': { keeps: true },
  'without state': { keeps: false },
  'with --fresh': { keeps: true, options: { fresh: true } },
  'with --no-overlap': { keeps: true, options: { overlap: false } },
};

/**
 * A restart that a test goes through step by step: before the save, while the next generation loads, in the pause
 * (where there is one), after the commit.
 */
export async function gatedRestart(t, { keeps, options, extra, listen }) {
  const app = (port, version) =>
    gatedApp({ listen: listen ?? `${port}, '127.0.0.1'`, version, keeps, extra: extra?.(version) });
  const setup = await setUp(t, (port) => ({ 'app.mjs': app(port, 1) }));
  const { port, project } = setup;
  const restarter = setup.primary({ readyTimeout: '30s', ...options });
  await restarter.warm(1);
  return {
    ...setup,
    restarter,
    /** Resolves when the next generation loads; with `overlap: false` when the old one, which ends before that, drains. */
    async save() {
      project.save('app.mjs', app(port, 2));
      if (options?.overlap === false) await restarter.event('captured');
      else await restarter.printed(/at load/);
    },
    /** Resolves when it has its state. */
    async toPause() {
      await restarter.printed(/at load/);
      project.write({ load: '' });
      await restarter.printed(/at pause/);
    },
    async commit() {
      project.write({ pause: '' });
      await restarter.committed(2);
    },
    /** Throws when not each of the requests was begun once, by whichever generation. */
    async begunOnce(ids) {
      await Promise.all(ids.map((id) => restarter.printed(new RegExp(`begun ${id};`))));
      const begun = Array.from(restarter.stdout.matchAll(/begun (\S+);/g), ([, id]) => id);
      assert.deepEqual(begun.filter((id) => id !== 'null').toSorted(), ids.toSorted());
    },
  };
}
