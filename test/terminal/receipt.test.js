import assert from 'node:assert/strict';
import path from 'node:path';
import { test } from 'node:test';
import { formatReceipt } from '../../dist/terminal/receipt.js';

const CWD = path.resolve('/project');
const inProject = (file) => path.join(CWD, file);

const QUIET = {
  reason: [],
  generation: 2,
  totalMs: 8,
  phases: [],
  pauseMs: 0,
  connectionsMoved: 0,
  held: 0,
  longestHoldMs: 0,
  stateBytes: 0,
};

const format = (receipt, columns) => formatReceipt({ ...QUIET, ...receipt }, CWD, columns);

test('a receipt with everything', () => {
  assert.equal(
    format({
      reason: [inProject('src/routes/users.ts')],
      generation: 14,
      totalMs: 23.4,
      phases: [
        { name: 'load', ms: 11.2 },
        { name: 'prepare', ms: 0.3 },
      ],
      pauseMs: 4.4,
      connectionsMoved: 3,
      held: 12,
      longestHoldMs: 6.1,
      stateBytes: 2100,
    }),
    `↻ ${path.join('src', 'routes', 'users.ts')} → generation 14 in 23 ms (load 11 · pause 4) · 3 connections moved · 12 requests held, longest 6 ms · state 2.1 kB`,
  );
});

test('what is zero is left out', () => {
  assert.equal(format({}), '↻ generation 2 in 8 ms');
});

test('each phase that took a millisecond is shown, in its order', () => {
  const phases = ['load', 'prepare', 'restore', 'start'].map((name, index) => ({ name, ms: index + 0.5 }));
  assert.equal(format({ phases }), '↻ generation 2 in 8 ms (load 1 · prepare 2 · restore 3 · start 4)');
});

test('one is singular', () => {
  assert.equal(
    format({ connectionsMoved: 1, held: 1, longestHoldMs: 3 }),
    '↻ generation 2 in 8 ms · 1 connection moved · 1 request held, for 3 ms',
  );
});

test('less than half a millisecond is told as such', () => {
  assert.equal(
    format({ totalMs: 0.2, held: 2, longestHoldMs: 0.1 }),
    '↻ generation 2 in <1 ms · 2 requests held, longest <1 ms',
  );
});

test('the reason is a word, one file, or the first of several', () => {
  const reasonOf = (...reason) => format({ reason }).match(/^↻ (.*) → /)[1];
  assert.equal(reasonOf('crash'), 'crash');
  assert.equal(reasonOf(inProject('a.ts'), inProject('b.ts'), inProject('c.ts')), 'a.ts +2');
  assert.equal(reasonOf(path.resolve('/elsewhere/a.ts')), path.resolve('/elsewhere/a.ts'));
  assert.equal(reasonOf(inProject('..a.ts')), '..a.ts');
});

test('sizes are in decimal units', () => {
  const sizeOf = (stateBytes) => format({ stateBytes }).split('state ')[1];
  const sizes = [1, 999, 1000, 2149, 99_949, 99_950, 999_499, 999_500, 1_000_000, 104_857_600, 5e9, 5e12];
  assert.deepEqual(sizes.map(sizeOf), [
    '1 B',
    '999 B',
    '1 kB',
    '2.1 kB',
    '99.9 kB',
    '100 kB',
    '999 kB',
    '1 MB',
    '1 MB',
    '105 MB',
    '5 GB',
    '5000 GB',
  ]);
});

test('in a narrow terminal what matters least is left out, and the line fits', () => {
  const receipt = {
    reason: [inProject('src/routes/users.ts')],
    generation: 14,
    totalMs: 23,
    phases: [{ name: 'load', ms: 11 }],
    pauseMs: 4,
    connectionsMoved: 3,
    held: 12,
    longestHoldMs: 6,
    stateBytes: 2100,
  };
  const file = path.join('src', 'routes', 'users.ts');
  const lines = [
    `↻ ${file} → generation 14 in 23 ms (load 11 · pause 4) · 3 connections moved · 12 requests held, longest 6 ms · state 2.1 kB`,
    `↻ ${file} → generation 14 in 23 ms (pause 4) · 3 connections moved · 12 requests held, longest 6 ms · state 2.1 kB`,
    `↻ ${file} → generation 14 in 23 ms (pause 4) · 3 connections moved · 12 requests held, longest 6 ms`,
    `↻ ${file} → generation 14 in 23 ms (pause 4) · 3 connections moved`,
    `↻ ${file} → generation 14 in 23 ms (pause 4)`,
    `↻ ${file} → generation 14 in 23 ms`,
    `↻ …${path.join('/', 'routes', 'users.ts')} → generation 14 in 23 ms`,
    `↻ …${path.join('/', 'users.ts')} → generation 14 in 23 ms`,
  ];
  for (const [index, line] of lines.entries()) {
    assert.equal(format(receipt, line.length), line);
    assert.equal(format(receipt, line.length - 1), lines[index + 1] ?? line);
  }
});

test('wide characters count twice', () => {
  const receipt = { reason: [inProject('日本語.ts')], pauseMs: 4 };
  const whole = '↻ 日本語.ts → generation 2 in 8 ms (pause 4)';
  assert.equal(format(receipt, whole.length + 3), whole);
  assert.equal(format(receipt, whole.length + 2), '↻ 日本語.ts → generation 2 in 8 ms');
});
