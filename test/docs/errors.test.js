import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';

const read = (name) => readFileSync(new URL(`../../${name}`, import.meta.url), 'utf8');

const union = /export type HandoverErrorCode =\s*([^;]+);/.exec(read('src/errors.ts'))?.[1] ?? '';
const codes = [...union.matchAll(/'([A-Z_]+)'/g)].map(([, code]) => code);
const [, ...sections] = read('docs/errors.md').split(/^## /m);
const entries = new Map(sections.map((section) => [section.slice(0, section.indexOf('\n')), section]));

test('docs/errors.md has an entry for each code of HandoverErrorCode, in their order, and no other', () => {
  assert.ok(codes.length > 0, 'src/errors.ts has the type');
  assert.deepEqual([...entries.keys()], codes);
});

for (const [code, entry] of entries) {
  test(`the entry of ${code} says when, shows one message, and says what to do next`, () => {
    const parts = entry.trim().split('\n\n').slice(1);
    assert.equal(parts.length, 3, entry);
    assert.deepEqual(
      parts.map((part) => part.startsWith('> ')),
      [false, true, false],
    );
  });
}
