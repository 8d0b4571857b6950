import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { ROOT } from '../helpers/project.js';

const page = readFileSync(path.join(ROOT, 'docs/architecture.md'), 'utf8');
const entries = readdirSync(path.join(ROOT, 'src'), { recursive: true, withFileTypes: true });
const nameOf = (entry) => path.relative(ROOT, path.join(entry.parentPath, entry.name)).replaceAll('\\', '/');
const folders = entries.filter((entry) => entry.isDirectory()).map(nameOf);

test('docs/architecture.md describes each folder of src, and no other', () => {
  const described = Array.from(page.matchAll(/^\| `(src[\w/]*)`/gm), ([, name]) => name);
  assert.deepEqual(described.toSorted(), ['src', ...folders].toSorted());
});

test('what the picture names is there', () => {
  const source = entries
    .filter((entry) => entry.isFile())
    .map((entry) => readFileSync(path.join(entry.parentPath, entry.name), 'utf8'))
    .join('\n');
  const [, picture] = /```\n(.*?)```/s.exec(page);
  const classes = new Set(picture.match(/\b[A-Z][a-z]+(?:[A-Z][a-z]+)*\b/g));
  assert.ok(classes.size > 8);
  for (const name of classes) assert.match(source, new RegExp(`class ${name}\\b`), name);
});

test('state, watch, options and shutdown use nothing of primary or worker', () => {
  for (const entry of entries.filter((one) => one.isFile() && one.name.endsWith('.ts'))) {
    const name = nameOf(entry);
    if (!/^src\/(state|watch|options|shutdown)\//.test(name)) continue;
    const text = readFileSync(path.join(entry.parentPath, entry.name), 'utf8');
    assert.doesNotMatch(text, /from '[^']*\/(primary|worker)\//, name);
  }
});

test('primary and worker know of each other only what both share', () => {
  for (const entry of entries.filter((one) => one.isFile() && one.name.endsWith('.ts'))) {
    const [, side] = /^src\/(primary|worker)\//.exec(nameOf(entry)) ?? [];
    if (!side) continue;
    const text = readFileSync(path.join(entry.parentPath, entry.name), 'utf8');
    const other = side === 'primary' ? 'worker' : 'primary';
    assert.doesNotMatch(text, new RegExp(`from '[^']*/${other}/`), nameOf(entry));
  }
});
