import assert from 'node:assert/strict';
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { readdirSync } from 'node:fs';
import { test } from 'node:test';
import { rehearseHttp, rehearseState } from '../../../dist/worker/standby/rehearsal.js';
import { temporaryFolder } from '../../state/folder.js';

/** The requests that are answered while `task` runs. */
async function requestsDuring(task) {
  const seen = [];
  const note = ({ request }) => seen.push(`${request.method} ${request.url}`);
  subscribe('http.server.response.finish', note);
  await task();
  unsubscribe('http.server.response.finish', note);
  return seen;
}

test('requests are answered, by a server that leaves nothing', async (t) => {
  const folder = await temporaryFolder(t);
  const { TMPDIR } = process.env;
  t.after(() => (TMPDIR === undefined ? delete process.env.TMPDIR : (process.env.TMPDIR = TMPDIR)));
  process.env.TMPDIR = folder;
  assert.deepEqual(await requestsDuring(rehearseHttp), ['GET /', 'POST /?a=b', 'GET /']);
  assert.deepEqual(readdirSync(folder), []);
});

test('not where something may look at every request; a loader of TypeScript does not', async (t) => {
  const execArgv = [...process.execArgv];
  t.after(() => process.execArgv.splice(0, Infinity, ...execArgv));
  process.execArgv.push('--import', './watch.js');
  assert.deepEqual(await requestsDuring(rehearseHttp), []);
  process.execArgv.splice(-1, 1, '/app/node_modules/tsx/dist/loader.mjs');
  assert.equal((await requestsDuring(rehearseHttp)).length, 3);
});

test('a state is carried', () => {
  assert.doesNotThrow(rehearseState);
});
