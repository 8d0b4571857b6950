import assert from 'node:assert/strict';
import { test } from 'node:test';
import { shortenPath, textWidth, wrapText } from '../../dist/terminal/text-width.js';

test('wide characters take two columns, marks and colours none', () => {
  for (const [text, width] of [
    ['abc', 3],
    ['日本', 4],
    ['한글', 4],
    ['🚀', 2],
    ['e\u0301', 1],
    ['\u001b[31mred\u001b[39m', 3],
    ['', 0],
  ])
    assert.equal(textWidth(text), width, text);
});

test('a path loses its begin, up to a separator where that leaves something', () => {
  assert.equal(shortenPath('src/routes/users.ts', 19), 'src/routes/users.ts');
  assert.equal(shortenPath('src/routes/users.ts', 18), '…/routes/users.ts');
  assert.equal(shortenPath('src/routes/users.ts', 12), '…/users.ts');
  assert.equal(shortenPath('src/routes/users.ts', 9), '…users.ts');
  assert.equal(shortenPath('src/routes/users.ts', 5), '…s.ts');
});

test('a text is broken between words, and what follows is indented', () => {
  assert.equal(wrapText('one two three', 13), 'one two three');
  assert.equal(wrapText('one two three', 12), 'one two\n  three');
  assert.equal(wrapText('one two three four', 7), 'one two\n  three\n  four');
  assert.equal(wrapText('one two three four'), 'one two three four');
  assert.equal(wrapText('short\n    at name (file.ts:1:2)', 20), 'short\n    at name\n      (file.ts:1:2)');
});

test('a word that is too long stays whole', () => {
  assert.equal(wrapText('at /a/long/path.ts now', 10), 'at\n  /a/long/path.ts\n  now');
  assert.equal(wrapText('/a/long/path.ts', 10), '/a/long/path.ts');
});
