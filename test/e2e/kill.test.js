import assert from 'node:assert/strict';
import { test } from 'node:test';
import { counter, entryForm } from '../helpers/apps.js';
import { request } from '../helpers/clients.js';
import { setUp } from '../helpers/fixture.js';
import { gone } from '../helpers/process.js';

const STEPS = ['loading', 'prepared', 'quiesced', 'captured', 'ready'];

const APPS = {
  'keep()': {
    files: (port, version) => ({ 'app.mjs': counter({ port, version }) }),
    entry: 'app.mjs',
  },
  'save()': {
    files: (port, version) => entryForm({ port, version }),
    entry: 'entry.mjs',
  },
};

for (const [name, { files, entry }] of Object.entries(APPS)) {
  for (const step of STEPS) {
    test(`SIGKILL of the new generation at ${step}, state by ${name}: another one takes its place, nothing is lost`, async (t) => {
      const { port, project, primary, load: startLoad } = await setUp(t, (port) => files(port, 1));
      const restarter = primary({ entry, killAt: { step, victim: 'new' } });
      await restarter.warm(1);
      const load = startLoad({ clients: 8 });
      await load.more(40);
      project.save('app.mjs', files(port, 2)['app.mjs']);
      // It gets the state while that is captured: it may have been ready before it died, and be committed. Then it is a
      // crash of the new generation, which is replaced.
      await restarter.committed(2);
      const again = /generation 2 was killed by SIGKILL before it could serve: it is started again/;
      const hadStarted = !restarter.all('warning').some(({ message }) => again.test(message));
      if (hadStarted) await restarter.committed(3);
      if (hadStarted) assert.notEqual(step, 'loading');
      await load.more(40);
      await load.stop();
      const { version, count } = JSON.parse((await request(port)).body);
      assert.equal(version, 2);
      if (!hadStarted) {
        assert.deepEqual(load.failures, []);
        assert.equal(count, load.acknowledged);
      } else {
        assert.ok(count <= load.acknowledged + load.failures.length);
      }
    });

    test(`guarantee 7: SIGKILL of the old generation at ${step}, state by ${name}: the new one takes over`, async (t) => {
      const { port, project, primary, load: startLoad } = await setUp(t, (port) => files(port, 1));
      const restarter = primary({ entry, killAt: { step, victim: 'old' } });
      await restarter.warm(1);
      const load = startLoad({ clients: 8 });
      await load.more(40);
      project.save('app.mjs', files(port, 2)['app.mjs']);
      await restarter.committed(2);
      await load.more(40);
      await load.stop();
      // Only what the victim was handling can fail: at most one request a client.
      assert.ok(load.failures.length <= 8, `${load.failures.length} failed: ${load.failures}`);
      const { version, count } = JSON.parse((await request(port)).body);
      assert.equal(version, 2);
      if (step === 'captured' || step === 'ready') assert.equal(count, load.acknowledged, 'its state had been taken');
    });

    test(`guarantee 8: SIGKILL of the primary at ${step}, state by ${name}: the state is saved, nobody is left, the next start has it`, async (t) => {
      const { port, project, primary, load: startLoad } = await setUp(t, (port) => files(port, 1));
      const snapshot = project.path('state.snapshot');
      const first = primary({ entry, snapshot, killAt: { step, victim: 'primary' } });
      const { pid } = await first.warm(1);
      const load = startLoad({ clients: 4 });
      await load.more(40);
      project.save('app.mjs', files(port, 2)['app.mjs']);
      assert.equal((await first.exited).signal, 'SIGKILL');
      await load.stop();
      await gone([pid, ...first.all('standby').map((standby) => standby.pid)]);
      const second = primary({ entry, snapshot });
      await second.committed(1);
      const { count } = JSON.parse((await request(port)).body);
      assert.ok(count >= load.acknowledged, `${count} counted, ${load.acknowledged} acknowledged`);
      assert.ok(count <= load.acknowledged + 4, 'at most the answers that were on their way were lost');
    });
  }
}
