import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setUp } from '../helpers/fixture.js';

const MB = 2 ** 20;

const app = ({ port, version }) => `import http from 'node:http';
import { keep } from 'handover';
keep('state', () => new Uint8Array(${MB}));
http.createServer((request, response) => response.end('v${version}')).listen(${port}, '127.0.0.1');
`;

for (const waitReady of [false, true]) {
  test(`the primary's memory does not grow with the number of restarts${waitReady ? ', --wait-ready' : ''}`, async (t) => {
    const source = (port, version) => `${app({ port, version })}${waitReady ? "process.send('ready');" : ''}`;
    const { port, project, primary } = await setUp(t, (port) => ({ 'app.mjs': source(port, 1) }));
    const restarter = primary({ waitReady, standby: 0 });
    const restartUpTo = async (last, from) => {
      for (let generation = from; generation <= last; generation++) {
        project.save('app.mjs', source(port, generation));
        await restarter.committed(generation);
        await restarter.event('drained', (drained) => drained.generation === generation - 1);
      }
      const since = restarter.events.length;
      restarter.send({ type: 'memory' });
      return restarter.event('memory', undefined, since);
    };
    await restarter.committed(1);
    const early = await restartUpTo(3, 2);
    const late = await restartUpTo(9, 4);
    // What six restarts would leave behind is six states; one or two may be on their way, or their memory be kept for the next.
    assert.ok(late.arrayBuffers - early.arrayBuffers < 2 * MB, `${early.arrayBuffers} → ${late.arrayBuffers} bytes`);
  });
}
