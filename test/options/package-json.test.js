import assert from 'node:assert/strict';
import path from 'node:path';
import { test } from 'node:test';
import { nearestPackage, readPackageOptions } from '../../dist/options/package-json.js';
import { project } from './project.js';

test('the options are in the nearest package.json above', (t) => {
  const folder = project(t, {
    'package.json': { version: '1.2.3', handover: { standby: 0 } },
    'src/deep/server.js': '',
    'inner/package.json': { handover: { standby: 2 } },
    'plain/package.json': { type: 'module' },
  });
  const file = path.join(folder, 'package.json');
  assert.deepEqual(readPackageOptions(folder), { file, options: { standby: 0 } });
  assert.deepEqual(readPackageOptions(path.join(folder, 'src/deep')), { file, options: { standby: 0 } });
  assert.deepEqual(readPackageOptions(path.join(folder, 'inner')).options, { standby: 2 });
  assert.equal(readPackageOptions(path.join(folder, 'plain')), undefined);
});

test('a package is found from a file, and from one that does not exist', (t) => {
  const folder = project(t, { 'package.json': { version: '1.2.3' }, 'src/server.js': '' });
  assert.equal(nearestPackage(path.join(folder, 'src/server.js')).version, '1.2.3');
  assert.equal(nearestPackage(path.join(folder, 'missing/server')).version, '1.2.3');
  assert.equal(nearestPackage(folder).file, path.join(folder, 'package.json'));
});

test('a version that is missing or no text is undefined', (t) => {
  assert.equal(nearestPackage(project(t, { 'package.json': '\uFEFF{"version": 1}' })).version, undefined);
});

test('above the last package.json there is nothing', () => {
  assert.equal(nearestPackage(path.parse(process.cwd()).root), undefined);
  assert.equal(readPackageOptions(path.parse(process.cwd()).root), undefined);
});

test('a broken package.json is named', (t) => {
  const broken = project(t, { 'package.json': '{"handover": ' });
  assert.throws(
    () => readPackageOptions(broken),
    (error) => {
      assert.equal(error.code, 'INVALID_OPTION');
      assert.ok(error.message.startsWith(`${path.join(broken, 'package.json')} is not valid JSON: `));
      assert.ok(error.cause instanceof SyntaxError);
      return true;
    },
  );
  const list = project(t, { 'package.json': '[]' });
  assert.throws(() => nearestPackage(list), {
    code: 'INVALID_OPTION',
    message: /package\.json: expected a JSON object, got \[\]/,
  });
});

test('"handover" has to be an object', (t) => {
  for (const handover of [null, [], 'src', true]) {
    const folder = project(t, { 'package.json': { handover } });
    assert.throws(() => readPackageOptions(folder), {
      code: 'INVALID_OPTION',
      message: `"handover" in ${path.join(folder, 'package.json')}: expected an object such as {"watch": ["config"]}, got ${JSON.stringify(handover)}`,
    });
  }
});
