import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { ROOT } from '../helpers/project.js';
import { apiReference } from './api-reference.js';

test('docs/api.md is what the package declares; node test/docs/api-reference.js prints it', () => {
  assert.equal(readFileSync(path.join(ROOT, 'docs/api.md'), 'utf8'), apiReference());
});
