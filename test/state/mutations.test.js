import assert from 'node:assert/strict';
import { fileURLToPath } from 'node:url';
import { test } from 'node:test';
import { Process } from '../helpers/process.js';

const FIXTURE = fileURLToPath(new URL('../fixtures/mutate-snapshots.js', import.meta.url));

/** How many snapshots are changed. SEED: the first, to see one again. */
const MUTATIONS = Number(process.env.MUTATIONS ?? 2000);
const FIRST = Number(process.env.SEED ?? 1);

test(`guarantee 9: ${MUTATIONS} snapshots that were changed, half of them with their checksum put right, are rejected or give a value`, async (t) => {
  // With a heap that a length which is only claimed would burst.
  const run = Process.node(['--max-old-space-size=64', FIXTURE, String(FIRST), String(MUTATIONS)]);
  t.after(() => run.stop());
  const { code, signal } = await run.exited;
  assert.deepEqual({ code, signal }, { code: 0, signal: null }, run.output);
  const { rejected, read, longestMs, arrayBuffers } = JSON.parse(run.stdout);
  t.diagnostic(`${rejected} rejected, ${read} read, longest ${longestMs} ms`);
  assert.equal(rejected + read, MUTATIONS);
  assert.ok(rejected > MUTATIONS / 2);
  assert.ok(read > 0, 'a changed digit is a value still');
  assert.ok(longestMs < 5000, `one took ${longestMs} ms`);
  assert.ok(arrayBuffers < 100e6, `${arrayBuffers} bytes were taken for buffers`);
});
