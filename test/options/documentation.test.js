import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { documentedGroups } from './documented-rows.js';

const text = readFileSync(new URL('../../docs/options.md', import.meta.url), 'utf8');

/** The cells of the rows below `## group`, without the head. */
function rowsOf(group) {
  const section = text.split(`\n## ${group}\n`)[1]?.split('\n## ')[0] ?? '';
  const rows = section.split('\n').filter((line) => line.startsWith('|'));
  return rows.slice(2).map((line) =>
    line
      .split('|')
      .slice(1, -1)
      .map((cell) => cell.trim()),
  );
}

for (const [group, rows] of Object.entries(documentedGroups())) {
  test(`docs/options.md has the options of "${group}" as they are; node test/options/documented-rows.js prints them`, () => {
    assert.deepEqual(rowsOf(group), rows);
  });
}
