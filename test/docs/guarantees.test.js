import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { ROOT } from '../helpers/project.js';

const [, list] = /^# Guarantees$(.*?)^## /ms.exec(readFileSync(path.join(ROOT, 'docs/guarantees.md'), 'utf8'));
const guarantees = Array.from(list.matchAll(/^(\d+)\. \*\*(.+?)\*\*/gm), ([, number, text]) => ({ number, text }));
const tests = readdirSync(path.join(ROOT, 'test'), { recursive: true })
  .filter((name) => name.endsWith('.test.js'))
  .map((name) => readFileSync(path.join(ROOT, 'test', name), 'utf8'))
  .join('\n');

test('the guarantees are numbered', () => {
  assert.ok(guarantees.length > 0);
  assert.deepEqual(
    guarantees.map(({ number }) => Number(number)),
    guarantees.map((_, index) => index + 1),
  );
});

for (const { number, text } of guarantees) {
  test(`guarantee ${number} has its test: ${text}`, () => {
    assert.match(tests, new RegExp(`test\\(\\s*['\`]guarantee ${number}: `));
  });
}
