import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { warmTypeScript } from '../../../dist/worker/standby/typescript.js';

const folder = mkdtempSync(path.join(os.tmpdir(), 'handover-test-'));
const before = { ...process.env };
Object.assign(process.env, { TMPDIR: folder, TEMP: folder, WATCH_REPORT_DEPENDENCIES: '1' });
test.after(() => {
  process.env = before;
  rmSync(folder, { recursive: true });
});

test('what it leaves: no file, no report of one, and the warnings to whoever loads the app', async () => {
  const reports = [];
  const warnings = [];
  const { send } = process;
  process.send = (message) => reports.push(message);
  process.on('warning', ({ message }) => warnings.push(message));
  try {
    const warn = await warmTypeScript(['import', 'require']);
    await nextTurn();
    assert.deepEqual(warnings, []);
    assert.deepEqual(reports, []);
    assert.deepEqual(readdirSync(folder), []);
    assert.equal(process.env.WATCH_REPORT_DEPENDENCIES, '1');
    warn();
    warn();
    await nextTurn();
    // Those of Node 22, which strips types as an experiment.
    assert.ok(warnings.length <= 1 && warnings.every((message) => /type stripping/i.test(message)), warnings.join());
  } finally {
    if (send) process.send = send;
    else delete process.send;
  }
});

test('without a place for the file nothing happens', async () => {
  process.env.TMPDIR = process.env.TEMP = path.join(folder, 'missing');
  const warn = await warmTypeScript(['import']);
  warn();
  assert.deepEqual(readdirSync(folder), []);
});
