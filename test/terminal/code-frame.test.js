import assert from 'node:assert/strict';
import path from 'node:path';
import { test } from 'node:test';
import { codeFrame } from '../../dist/terminal/code-frame.js';
import { folderWith } from './throwing.js';

const frameOf = (t, content, line, column, columns) =>
  codeFrame(path.join(folderWith(t, { 'a.js': content }), 'a.js'), line, column, undefined, columns);

const NUMBERED = Array.from({ length: 12 }, (_, index) => `line(${index + 1});\n`).join('');

test('three lines around the place, marked, with a caret', (t) => {
  assert.equal(
    frameOf(t, NUMBERED, 8, 5),
    [
      '   5 | line(5);',
      '   6 | line(6);',
      '   7 | line(7);',
      '>  8 | line(8);',
      '     |     ^',
      '   9 | line(9);',
      '  10 | line(10);',
      '  11 | line(11);',
    ].join('\n'),
  );
});

test('at the edges of the file there are fewer lines', (t) => {
  assert.equal(frameOf(t, 'a\r\nb\r\n', 1), '> 1 | a\n  2 | b');
  assert.equal(frameOf(t, 'a\nb', 2, 2), '  1 | a\n> 2 | b\n    |  ^');
});

test('the caret stands below its character after tabs', (t) => {
  assert.equal(frameOf(t, '\tif (x)\ty();', 1, 9), '> 1 | \tif (x)\ty();\n    | \t      \t^');
});

test('the end of a file is a place, too', (t) => {
  assert.equal(frameOf(t, 'a\nb\n', 3, 1), '  1 | a\n  2 | b\n> 3 |\n    | ^');
});

test('a column that is not there has no caret', (t) => {
  assert.equal(frameOf(t, 'abc', 1, 9), '> 1 | abc');
  assert.equal(frameOf(t, 'abc', 1, 0), '> 1 | abc');
});

test('no file, no such line, a folder: no frame', (t) => {
  assert.equal(codeFrame('/no/such/file.js', 1), undefined);
  assert.equal(codeFrame(path.dirname(import.meta.filename), 1), undefined);
  for (const line of [0, 4, -1, NaN]) assert.equal(frameOf(t, 'a\nb\n', line), undefined);
});

test('control characters are replaced, long lines cut', (t) => {
  assert.equal(frameOf(t, 'a\u001b[31mb', 1), '> 1 | a\uFFFD[31mb');
  assert.equal(frameOf(t, 'x'.repeat(500), 1), `> 1 | ${'x'.repeat(159)}…`);
});

test('in a long line the column is shown, and the caret stands below it', (t) => {
  const line = `${'x'.repeat(399)}!${'y'.repeat(400)}`;
  for (const columns of [40, 80, 1000, undefined]) {
    const [source, caret] = frameOf(t, `${line}\nshort\n`, 1, 400, columns).split('\n');
    assert.ok(source.length <= Math.min(columns ?? Infinity, 166), source);
    assert.equal(source[caret.indexOf('^')], '!');
    assert.match(source, /^> 1 \| …x+!y+…$/);
  }
});

test('only the marked line is moved', (t) => {
  assert.equal(
    frameOf(t, `begin();\n${'x'.repeat(99)}!\nend();\n`, 2, 100, 30),
    `  1 | begin();\n> 2 | …${'x'.repeat(22)}!\n    | ${' '.repeat(23)}^\n  3 | end();`,
  );
});

test('a line that fits is whole, one that does not is cut at the width of the terminal', (t) => {
  assert.equal(frameOf(t, 'a'.repeat(34), 1, 34, 40), `> 1 | ${'a'.repeat(34)}\n    | ${' '.repeat(33)}^`);
  assert.equal(frameOf(t, 'a'.repeat(35), 1, 1, 40), `> 1 | ${'a'.repeat(33)}…\n    | ^`);
});

test('the caret stands below its character after wide ones', (t) => {
  assert.equal(frameOf(t, `say('日本', b)`, 1, 11), `> 1 | say('日本', b)\n    |             ^`);
});
