import assert from 'node:assert/strict';
import path from 'node:path';
import { test } from 'node:test';
import { stripVTControlCharacters } from 'node:util';
import { Terminal } from '../../dist/terminal/terminal.js';
import { errorOfImport, folderWith } from './throwing.js';

function open({ isTTY, env = {}, cwd } = {}) {
  const written = [];
  const stream = { isTTY, write: (text) => written.push(text) };
  return { written, terminal: new Terminal({ stream, env, ...(cwd && { cwd }) }) };
}

const RECEIPT = {
  reason: ['crash'],
  generation: 2,
  totalMs: 8,
  phases: [],
  pauseMs: 0,
  connectionsMoved: 0,
  held: 0,
  longestHoldMs: 0,
  stateBytes: 0,
};
const FAILURE = { error: { name: 'Error', message: 'x' }, generation: 2, serving: 1 };
const FAILED = '✗ generation 2 failed to start: Error: x\ngeneration 1 keeps serving; the next save tries again\n';

test('each kind of line', async () => {
  const { terminal, written } = open();
  terminal.info('watching 3 files');
  terminal.warn('slow');
  terminal.error('broken');
  terminal.receipt(RECEIPT);
  await terminal.failure(FAILURE);
  assert.deepEqual(written, [
    'watching 3 files\n',
    '⚠ slow\n',
    '✗ broken\n',
    '↻ crash → generation 2 in 8 ms\n',
    FAILED,
  ]);
});

test('colours only at a terminal without NO_COLOR', () => {
  const isColored = (options) => {
    const { terminal, written } = open(options);
    terminal.warn('x');
    assert.equal(stripVTControlCharacters(written[0]), '⚠ x\n');
    return written[0] !== '⚠ x\n';
  };
  assert.equal(isColored({ isTTY: true }), true);
  assert.equal(isColored({ isTTY: true, env: { NO_COLOR: '' } }), true);
  assert.equal(isColored({ isTTY: true, env: { NO_COLOR: '1' } }), false);
  assert.equal(isColored({ isTTY: true, env: { TERM: 'dumb' } }), false);
  assert.equal(isColored({ isTTY: false }), false);
  assert.equal(isColored({}), false);
});

test('FORCE_COLOR decides, as for Node.js', () => {
  const isColored = (options) => {
    const { terminal, written } = open(options);
    terminal.warn('x');
    return written[0] !== '⚠ x\n';
  };
  for (const FORCE_COLOR of ['', '1', 'true', '2', '3']) assert.equal(isColored({ env: { FORCE_COLOR } }), true);
  for (const FORCE_COLOR of ['0', 'false']) assert.equal(isColored({ isTTY: true, env: { FORCE_COLOR } }), false);
  assert.equal(isColored({ env: { FORCE_COLOR: '1', NO_COLOR: '1', TERM: 'dumb' } }), true);
});

test('a receipt fits into the terminal as wide as it is now; without one it is whole', () => {
  const written = [];
  const stream = { isTTY: true, columns: 80, write: (text) => written.push(text) };
  const terminal = new Terminal({ stream, env: { NO_COLOR: '1' } });
  const receipt = { ...RECEIPT, pauseMs: 3, stateBytes: 10 };
  terminal.receipt(receipt);
  stream.columns = 44;
  terminal.receipt(receipt);
  stream.columns = 0;
  terminal.receipt(receipt);
  Object.assign(stream, { columns: 20, isTTY: false });
  terminal.receipt(receipt);
  const whole = '↻ crash → generation 2 in 8 ms (pause 3) · state 10 B\n';
  assert.deepEqual(written, [whole, '↻ crash → generation 2 in 8 ms (pause 3)\n', whole, whole]);
});

test('a coloured failure says the same', async (t) => {
  const cwd = folderWith(t, { 'a.mjs': 'let a;\na.b;\nlet c;\n' });
  const failure = { error: errorOfImport(path.join(cwd, 'a.mjs')), generation: 1 };
  const plain = open({ cwd });
  const colored = open({ cwd, isTTY: true });
  await plain.terminal.failure(failure);
  await colored.terminal.failure(failure);
  assert.notEqual(colored.written[0], plain.written[0]);
  assert.equal(stripVTControlCharacters(colored.written[0]), plain.written[0]);
});

test('the same failure is told once for each attempt', async () => {
  const { terminal, written } = open();
  await terminal.failure(FAILURE);
  await terminal.failure(FAILURE);
  assert.deepEqual(written, [FAILED]);
  terminal.newAttempt();
  await terminal.failure(FAILURE);
  assert.deepEqual(written, [FAILED, FAILED]);
  await terminal.failure({ ...FAILURE, error: { name: 'Error', message: 'y' } });
  assert.equal(written.length, 3);
});

test('told twice at once it is still told once', async () => {
  const { terminal, written } = open();
  await Promise.all([terminal.failure(FAILURE), terminal.failure(FAILURE)]);
  assert.deepEqual(written, [FAILED]);
});

test('a failure is dropped when another attempt begins while it is being located', async () => {
  const { terminal, written } = open();
  const told = terminal.failure(FAILURE);
  terminal.newAttempt();
  await told;
  assert.deepEqual(written, []);
});

test('a syntax error in an ES module is found in the files', async (t) => {
  const cwd = folderWith(t, { 'a.mjs': 'let a = ;\n' });
  const file = path.join(cwd, 'a.mjs');
  const { terminal, written } = open({ cwd });
  await terminal.failure({ error: errorOfImport(file), generation: 1 }, [file]);
  assert.match(
    written[0],
    /^✗ a\.mjs:1:9 generation 1 failed to start: SyntaxError: Unexpected token ';'\n> 1 \| let a = ;\n {4}\| {9}\^\n/,
  );
});

test('what is longer than a terminal is broken between words', () => {
  const written = [];
  const stream = { isTTY: true, columns: 24, write: (text) => written.push(text) };
  const terminal = new Terminal({ stream, env: { NO_COLOR: '1' } });
  terminal.hint('… generation 3 has not ended yet');
  terminal.warn('generation 3: a connection was cut');
  assert.deepEqual(written, ['… generation 3 has not\n  ended yet\n', '⚠ generation 3: a\n  connection was cut\n']);
});
