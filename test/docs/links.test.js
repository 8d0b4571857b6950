import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { ROOT } from '../helpers/project.js';

const pages = [ROOT, path.join(ROOT, 'docs')].flatMap((folder) =>
  readdirSync(folder)
    .filter((name) => name.endsWith('.md'))
    .map((name) => path.join(folder, name)),
);

/** As GitHub makes them of headings. */
const anchorsOf = (text) =>
  Array.from(text.matchAll(/^#+ (.*)$/gm), ([, heading]) =>
    heading
      .toLowerCase()
      .replace(/[^\p{L}\p{N}_ -]/gu, '')
      .replaceAll(' ', '-'),
  );

for (const page of pages) {
  test(`what ${path.relative(ROOT, page)} links to and shows is there`, () => {
    const text = readFileSync(page, 'utf8');
    for (const [, target] of text.matchAll(/\]\((?!https?:)([^)\s]+)\)/g)) {
      const [file, anchor] = target.split('#');
      const linked = file === '' ? page : path.resolve(path.dirname(page), file);
      assert.ok(existsSync(linked), target);
      if (anchor) assert.ok(anchorsOf(readFileSync(linked, 'utf8')).includes(anchor), target);
    }
  });
}
