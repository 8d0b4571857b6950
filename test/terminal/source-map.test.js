import assert from 'node:assert/strict';
import path from 'node:path';
import { test } from 'node:test';
import { formatFailure } from '../../dist/terminal/failure.js';
import { originals } from '../../dist/terminal/source-map.js';
import { errorOfImport, folderWith } from './throwing.js';

const SOURCE = `interface Settings {
  port: number;
}

export function start(settings: Settings): never {
  throw new Error('no port ' + settings.port);
}
start({ port: 1 });
`;
const COMPILED = `export function start(settings) {
    throw new Error('no port ' + settings.port);
}
start({ port: 1 });
`;
/** What the TypeScript compiler writes for it. */
const MAP = {
  version: 3,
  file: 'app.js',
  sourceRoot: '',
  sources: ['../src/app.ts'],
  names: [],
  mappings:
    'AAIA,MAAM,UAAU,KAAK,CAAC,QAAkB;IACtC,MAAM,IAAI,KAAK,CAAC,UAAU,GAAG,QAAQ,CAAC,IAAI,CAAC,CAAC;AAC9C,CAAC;AACD,KAAK,CAAC,EAAE,IAAI,EAAE,CAAC,EAAE,CAAC,CAAC',
};
const files = (map = 'app.js.map') => ({
  'package.json': '{"type":"module"}',
  'src/app.ts': SOURCE,
  'dist/app.js': `${COMPILED}//# sourceMappingURL=${map}\n`,
  'dist/app.js.map': JSON.stringify(MAP),
});
const inline = (map) => `data:application/json;base64,${Buffer.from(JSON.stringify(map)).toString('base64')}`;

test('a failure in compiled code is shown in its source, stack and all', (t) => {
  const cwd = folderWith(t, files());
  const error = errorOfImport(path.join(cwd, 'dist/app.js'));
  const app = path.join('src', 'app.ts');
  assert.equal(
    formatFailure({ error, generation: 2, serving: 1, cwd }),
    [
      `✗ ${app}:6:9 generation 2 failed to start: Error: no port 1`,
      '  3 | }',
      '  4 | ',
      '  5 | export function start(settings: Settings): never {',
      "> 6 |   throw new Error('no port ' + settings.port);",
      '    |         ^',
      '  7 | }',
      '  8 | start({ port: 1 });',
      `    at start (${app}:6:9)`,
      `    at ${app}:8:1`,
      'generation 1 keeps serving; the next save tries again',
    ]
      .map((line) => line.trimEnd())
      .join('\n'),
  );
});

test('with --enable-source-maps, where Node has applied the map, nothing is applied again', (t) => {
  const cwd = folderWith(t, files());
  const error = errorOfImport(path.join(cwd, 'dist/app.js'), ['--enable-source-maps']);
  assert.match(formatFailure({ error, generation: 1, cwd }), /^✗ src.app\.ts:6:9 .*no port 1\n/);
});

const placeOf = (t, all, location = { line: 2, column: 11 }) => {
  const cwd = folderWith(t, all);
  const { file, ...rest } = originals()({ file: path.join(cwd, 'dist/app.js'), ...location });
  return { file: path.relative(cwd, file).replaceAll('\\', '/'), ...rest };
};
const ORIGINAL = { file: 'src/app.ts', line: 6, column: 9 };
const GENERATED = { file: 'dist/app.js', line: 2, column: 11 };

test('a map in the file itself, and one with a source root', (t) => {
  assert.deepEqual(placeOf(t, files(inline(MAP))), ORIGINAL);
  assert.deepEqual(placeOf(t, files(inline({ ...MAP, sourceRoot: '../src', sources: ['app.ts'] }))), ORIGINAL);
  assert.deepEqual(placeOf(t, files(`data:application/json,${encodeURIComponent(JSON.stringify(MAP))}`)), ORIGINAL);
});

test('a place without a column has none in its source', (t) => {
  assert.deepEqual(placeOf(t, files(), { line: 4 }), { file: 'src/app.ts', line: 8 });
});

for (const [title, changed] of [
  ['no map', { 'dist/app.js': COMPILED }],
  ['a map that is not there', { 'dist/app.js': `${COMPILED}//# sourceMappingURL=nowhere.map` }],
  ['a map that is none', { 'dist/app.js.map': '<html>' }],
  ['a map without mappings', { 'dist/app.js.map': '{"version":3,"sources":[],"mappings":""}' }],
  ['a source by another name', { 'dist/app.js.map': JSON.stringify({ ...MAP, sources: ['webpack://app/app.ts'] }) }],
  ['a comment in the midst', { 'dist/app.js': `//# sourceMappingURL=app.js.map\n${COMPILED}` }],
]) {
  test(`${title}: the place stays as it is`, (t) => {
    assert.deepEqual(placeOf(t, { ...files(), ...changed }), GENERATED);
  });
}

test('a source that is not there: the place stays as it is', (t) => {
  const { 'src/app.ts': _, ...others } = files();
  assert.deepEqual(placeOf(t, others), GENERATED);
});

test('a line that comes from no source stays as it is', (t) => {
  assert.deepEqual(placeOf(t, files(), { line: 9, column: 1 }), { file: 'dist/app.js', line: 9, column: 1 });
});
