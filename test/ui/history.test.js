import assert from 'node:assert/strict';
import path from 'node:path';
import { test } from 'node:test';
import { History } from '../../dist/ui/history.js';

const CWD = path.resolve('/app');
const file = (name) => path.join(CWD, name);

/** A history whose clock is told the time. */
function historyAt() {
  const clock = { now: 1000 };
  return { clock, history: new History(CWD, () => clock.now) };
}

const committed = (generation, more) => ({ generation, pid: generation, totalMs: 10, pauseMs: 4, phases: [], ...more });
const receipt = (generation, more) => ({
  generation,
  reason: [file('a.js')],
  connectionsMoved: 2,
  held: 3,
  longestHoldMs: 5,
  stateBytes: 49,
  stateKeys: [{ key: 'visits', bytes: 40 }],
  ...more,
});

test('a restart is one record from the change to the receipt', () => {
  const { clock, history } = historyAt();
  history.change({ reason: [file('a.js'), file(path.join('src', 'b.js'))] });
  history.loading({ generation: 2, pid: 7 });
  history.step('quiesced');
  assert.deepEqual(history.records, [
    {
      id: 1,
      at: 1000,
      outcome: 'running',
      step: 'quiesced',
      generation: 2,
      reason: ['a.js', path.join('src', 'b.js')],
    },
  ]);
  clock.now = 1012;
  history.committed(committed(2, { phases: [{ name: 'load', ms: 3.456789 }] }));
  history.receipt(receipt(2));
  assert.deepEqual(history.records, [
    {
      id: 1,
      // The file system has told of it before anybody else.
      at: 1002,
      outcome: 'committed',
      generation: 2,
      reason: ['a.js'],
      totalMs: 10,
      pauseMs: 4,
      phases: [{ name: 'load', ms: 3.46 }],
      connectionsMoved: 2,
      held: 3,
      longestHoldMs: 5,
      stateBytes: 49,
      stateKeys: [{ key: 'visits', bytes: 40 }],
    },
  ]);
});

test('the end of the old generation belongs to the restart that has replaced it', () => {
  const { clock, history } = historyAt();
  history.change({ reason: ['key r'] });
  history.committed(committed(2));
  clock.now = 1500;
  history.drained({ generation: 1, pid: 1, ended: false, report: ['GET /slow was cut'] });
  assert.deepEqual(history.records[0].drained, { ms: 500, ended: false, report: ['GET /slow was cut'] });
  assert.equal(history.drained({ generation: 9, pid: 9, ended: true, report: [] }), undefined);
});

test('a change during a restart takes its place, and has the reasons of both', () => {
  const { history } = historyAt();
  history.change({ reason: [file('a.js')] });
  history.loading({ generation: 2, pid: 7 });
  history.change({ reason: [file('b.js')] });
  history.superseded();
  history.loading({ generation: 2, pid: 8 });
  assert.deepEqual(
    history.records.map(({ outcome, reason }) => [outcome, ...reason]),
    [
      ['superseded', 'a.js'],
      ['running', 'a.js', 'b.js'],
    ],
  );
});

test('changes before the app is loaded are one restart', () => {
  const { history } = historyAt();
  history.change({ reason: [file('a.js')] });
  history.change({ reason: [file('b.js'), file('a.js')] });
  assert.deepEqual(
    history.records.map(({ reason }) => reason),
    [['a.js', 'b.js']],
  );
});

test('a failure, a crash and an end', () => {
  const { clock, history } = historyAt();
  history.change({ reason: [file('a.js')] });
  history.loading({ generation: 2, pid: 7 });
  clock.now = 1040;
  const record = history.rolledBack({ generation: 2, reason: [file('a.js')], files: [], serving: 1, error: {} });
  history.failure(record, { title: 'no', body: 'way' });
  history.crashed({ generation: 1, code: 1, signal: null }, { title: 'crash', body: '' });
  history.finished({ generation: 1, code: 0, signal: null });
  assert.deepEqual(
    history.records.map(({ outcome, failure }) => [outcome, failure?.title]),
    [
      ['failed', 'no'],
      ['crashed', 'crash'],
      ['finished', undefined],
    ],
  );
  assert.equal(history.records[0].totalMs, 40);
});

test('warnings stand with the restart in which they came, early ones with the first', () => {
  const { history } = historyAt();
  history.warning({ message: 'early' });
  history.change({ reason: [] });
  history.warning({ message: 'later' });
  assert.deepEqual(history.records[0].warnings, ['early', 'later']);
  for (let count = 0; count < 100; count++) history.warning({ message: 'again' });
  assert.equal(history.records[0].warnings.length, 20);
});

test('the last 500 are kept', () => {
  const { history } = historyAt();
  for (let generation = 1; generation <= 600; generation++) {
    history.change({ reason: [] });
    history.committed(committed(generation));
  }
  assert.equal(history.records.length, 500);
  assert.deepEqual([history.records[0].generation, history.records.at(-1).generation], [101, 600]);
});
