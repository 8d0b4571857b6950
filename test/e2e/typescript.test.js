import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, symlinkSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { request } from '../helpers/clients.js';
import { setUp } from '../helpers/fixture.js';
import { ROOT } from '../helpers/project.js';

const TSC = path.join(ROOT, 'node_modules/typescript/bin/tsc');
const STRIPS = Boolean(process.features.typescript);
const TSX = '--import=tsx';
const SWC = '--import=@swc-node/register/esm-register';
/** @swc-node/register needs an older TypeScript than the one at the root, and has it beside itself. */
const SWC_NODE = path.join(ROOT, 'test/fixtures/swc-node/node_modules/@swc-node');

const LOADERS = { tsx: [TSX], '@swc-node/register': [SWC] };

/** A project with packages that are real, or stand-ins. `links`: name in node_modules → folder in the project. */
async function setUpTypeScript(t, files, { links = {}, cwd = '.' } = {}) {
  const setup = await setUp(t, (port) => ({ ...files(port) }));
  const { project } = setup;
  symlinkSync(SWC_NODE, project.path('node_modules/@swc-node'));
  project.install('reflect-metadata');
  for (const [name, target] of Object.entries(links)) {
    const link = project.path(name);
    mkdirSync(path.dirname(link), { recursive: true });
    symlinkSync(path.relative(path.dirname(link), project.path(target)), link);
  }
  const run = (execArgv, ...args) =>
    setup.handover([...execArgv.map((option) => `--exec-arg=${option}`), ...args], { cwd: project.path(cwd) });
  return { ...setup, run };
}

/** Resolves when that generation serves; rejects when a start has failed instead. */
async function serves(app, generation, since = 0) {
  const [text] = await app.printed(new RegExp(`generation ${generation} in |(nothing is|keeps) serving`), { since });
  assert.match(text, / in /, app.output);
}

/** Saves, and resolves with what the next generation answers. */
async function edit(app, { project, port }, generation, name, content) {
  if (generation === 2) await serves(app, 1);
  const since = app.stderr.length;
  project.save(name, content);
  await serves(app, generation, since);
  return (await request(port)).body;
}

/**
 * Saves what can't start, and looks at what is shown: the place, its line with a caret below the right character, and no
 * frames but the app's own.
 */
async function fail(app, { project }, name, content, { file = name, line, column, message, frames = '' }) {
  const since = app.stderr.length;
  project.save(name, content);
  const [serving] = await app.printed(/generation \d+ keeps serving; the next save tries again/, { since });
  const shown = app.stderr.slice(app.stderr.indexOf('✗', since));
  const [headline] = shown.split('\n');
  assert.ok(headline.startsWith(`✗ ${file}:${line}:${column} generation `), shown);
  assert.match(headline, message);
  const source = content.split('\n')[line - 1];
  const caret = new RegExp(`^> +${line} \\|(.*)\n +\\|( *)\\^\n`, 'm').exec(shown);
  assert.deepEqual({ source: caret?.[1].slice(1), column: caret?.[2].length }, { source, column }, shown);
  assert.ok(shown.includes(`${frames}${serving}`), shown);
  assert.doesNotMatch(shown, /^ {4}at .*(node_modules|node:)/m);
}

const answers = (port, expression, imports = '') => `import http from 'node:http';
${imports}
http.createServer((_request: http.IncomingMessage, response: http.ServerResponse) => response.end(String(${expression})))
  .listen(${port}, '127.0.0.1');
`;

const MODULE = '{ "name": "app", "version": "1.0.0", "type": "module" }';
const tsconfig = (options) => JSON.stringify({ compilerOptions: { target: 'es2022', ...options } });

/** Throws in a function, behind what is not there any more, or is more lines, once it is compiled. */
const THROWS = `interface Settings {
  port: number;
  host?: string;
}
export enum Mode { Fast, Slow }
function start(settings: Settings): number {
  if (settings.port < 1) throw new RangeError('no port');
  return settings.port;
}
export const value: number = start({ port: 0 });
`;
const thrown = (file) => ({
  line: 7,
  column: 32,
  message: /RangeError: no port$/,
  frames: `    at start (${file}:7:32)\n    at ${file}:10:30\n`,
});
const BROKEN = 'export const value: number = 1;\nconst settings = {\n  port: 1,,\n};\n';
const broken = { line: 3, column: 11, message: /failed to start: \w*Error: (Expected|Unexpected)/ };

for (const [loader, options] of Object.entries(LOADERS)) {
  test(`${loader}: path aliases`, async (t) => {
    const setup = await setUpTypeScript(t, (port) => ({
      'package.json': MODULE,
      'tsconfig.json': tsconfig({
        module: 'esnext',
        baseUrl: '.',
        paths: { '@lib/*': ['src/lib/*'], '~/*': ['src/*'] },
      }),
      'src/app.ts': answers(
        port,
        'value + text',
        `import { value } from '@lib/value';\nimport { text } from '~/text';\nimport './side.js';`,
      ),
      'src/lib/value.ts': 'export const value: number = 1;\n',
      'src/text.ts': `export const text: string = 'a';\n`,
      'src/side.ts': 'export type Side = string;\n',
    }));
    const app = setup.run(options, 'src/app.ts');
    assert.equal(await edit(app, setup, 2, 'src/text.ts', `export const text: string = 'b';\n`), '1b');
    assert.equal(await edit(app, setup, 3, 'src/lib/value.ts', 'export const value: number = 2;\n'), '2b');
    await fail(app, setup, 'src/lib/value.ts', THROWS, thrown('src/lib/value.ts'));
    await fail(app, setup, 'src/lib/value.ts', BROKEN, broken);
    assert.equal(await edit(app, setup, 4, 'src/lib/value.ts', 'export const value: number = 3;\n'), '3b');
  });

  test(`${loader}: JSX`, async (t) => {
    const page = (text) => `export const page = (name: string) => <p id="page">${text} {name}</p>;\n`;
    const setup = await setUpTypeScript(t, (port) => ({
      'package.json': MODULE,
      'tsconfig.json': tsconfig({ module: 'esnext', jsx: 'react-jsx', jsxImportSource: 'tiny-jsx' }),
      'node_modules/tiny-jsx/package.json': '{ "type": "module", "exports": { "./jsx-runtime": "./runtime.js" } }',
      'node_modules/tiny-jsx/runtime.js': `export const jsx = (type, { id, children }) => \`<\${type} id="\${id}">\${[children].flat().join('')}</\${type}>\`;
export const jsxs = jsx;`,
      'app.tsx': answers(port, `page('Ann')`, `import { page } from './page';`),
      'page.tsx': page('Hello'),
    }));
    const app = setup.run(options, 'app.tsx');
    assert.equal(await edit(app, setup, 2, 'page.tsx', page('Bye')), '<p id="page">Bye Ann</p>');
    const throws = `const name: string | undefined = undefined;\n\nexport const page = () => <p>{name}</p>;\n(name as any).trim();\n`;
    await fail(app, setup, 'page.tsx', throws, { line: 4, column: 15, message: /TypeError: Cannot read properties/ });
    await fail(app, setup, 'page.tsx', 'export const page = () => (\n  <p>text</b>\n);\n', {
      line: 2,
      column: 12,
      message: /failed to start: /,
    });
  });

  test(`${loader}: decorators`, async (t) => {
    const service = (answer) => `import 'reflect-metadata';
const named = (name: string) => (target: Function) => { Reflect.defineMetadata('name', name, target); };
const typed = (_target: object, _key: string) => {};
export class Clock {}
@named('service')
export class Service {
  @typed clock!: Clock;
  constructor(private readonly answer: string = ${JSON.stringify(answer)}) {}
  toString() {
    const { name = 'no metadata' } = Reflect.getMetadata('design:type', this, 'clock') ?? {};
    return [Reflect.getMetadata('name', Service), name, this.answer].join(' ');
  }
}
`;
    const setup = await setUpTypeScript(t, (port) => ({
      'package.json': MODULE,
      'tsconfig.json': tsconfig({ module: 'esnext', experimentalDecorators: true, emitDecoratorMetadata: true }),
      'app.ts': answers(port, 'new Service()', `import { Service } from './service';`),
      'service.ts': service('one'),
    }));
    const app = setup.run(options, 'app.ts');
    // esbuild, with which tsx compiles, knows no types, and writes none.
    const type = loader === 'tsx' ? 'no metadata' : 'Clock';
    assert.equal(await edit(app, setup, 2, 'service.ts', service('two')), `service ${type} two`);
    const throws = `${service('three')}new Service().answer();\n`;
    await fail(app, setup, 'service.ts', throws, {
      line: 14,
      column: 15,
      message: /TypeError: .*answer is not a function/,
    });
  });
}

for (const [loader, options] of Object.entries({
  tsx: [TSX],
  '@swc-node/register': ['--require=@swc-node/register'],
})) {
  test(`${loader}: CommonJS`, async (t) => {
    const setup = await setUpTypeScript(t, (port) => ({
      'tsconfig.json': tsconfig({
        module: 'commonjs',
        moduleResolution: 'node',
        esModuleInterop: true,
        baseUrl: '.',
        paths: { '@lib/*': ['lib/*'] },
      }),
      'app.ts': answers(
        port,
        `[value, typeof require, Kind[0]]`,
        `import { value } from '@lib/value';\nenum Kind { Common }`,
      ),
      'lib/value.ts': 'export const value: number = 1;\n',
    }));
    const app = setup.run(options, 'app.ts');
    assert.equal(await edit(app, setup, 2, 'lib/value.ts', 'export const value: number = 2;\n'), '2,function,Common');
    await fail(app, setup, 'lib/value.ts', THROWS, { ...thrown('lib/value.ts'), frames: '' });
    await fail(app, setup, 'lib/value.ts', BROKEN, broken);
  });

  test(`${loader}: a standby is warm: it has evaluated the dependencies, and the next generation comes from it`, async (t) => {
    const source = (port, version) =>
      answers(
        port,
        `${version} + typeof express`,
        `import express from 'express';\nimport { value } from '@lib/value';\nvoid value;`,
      );
    const { port, project, primary } = await setUpTypeScript(t, (port) => ({
      'package.json': MODULE,
      'tsconfig.json': tsconfig({
        module: 'esnext',
        baseUrl: '.',
        paths: { '@lib/*': ['lib/*'] },
        esModuleInterop: true,
      }),
      'app.ts': source(port, 1),
      'lib/value.ts': `import ms from 'ws';\nexport const value: unknown = ms;\n`,
    }));
    const execArgv = loader === 'tsx' ? options : [SWC];
    const restarter = primary({ entry: 'app.ts', execArgv });
    await restarter.warm(1);
    const { pid, preloaded } = restarter.all('standby').at(-1);
    assert.deepEqual(preloaded.map((target) => /(?:node_modules\/)(\w+)/.exec(target)?.[1]).toSorted(), [
      'express',
      'ws',
    ]);
    project.save('app.ts', source(port, 2));
    assert.equal((await restarter.committed(2)).pid, pid);
    assert.equal((await request(port)).body, '2function');
    assert.deepEqual(restarter.all('warning'), []);
  });
}

test('Node strips types itself, or tsx is the default: edits and errors', async (t) => {
  const setup = await setUpTypeScript(t, (port) => ({
    'package.json': '{ "name": "app", "type": "module", "imports": { "#lib/*": "./*" } }',
    'app.ts': answers(port, 'value', `import { value } from '#lib/value.ts';`),
    'value.ts': 'export const value: number = 1;\n',
  }));
  const app = setup.run([], 'app.ts');
  assert.equal(await edit(app, setup, 2, 'value.ts', 'export const value: number = 2;\n'), '2');
  await fail(
    app,
    setup,
    'value.ts',
    THROWS.replace('export enum Mode { Fast, Slow }', 'export type Mode = string;'),
    thrown('value.ts'),
  );
  await fail(app, setup, 'value.ts', BROKEN, { ...broken, message: /failed to start: / });
});

test(
  'what Node does not do by stripping types is refused with its place, and with what helps',
  { skip: !STRIPS },
  async (t) => {
    const setup = await setUpTypeScript(t, (port) => ({
      'package.json': MODULE,
      'app.ts': answers(port, 'value', `import { value } from './value.ts';`),
      'value.ts': 'export const value: number = 1;\n',
      'page.tsx': '',
    }));
    const { project } = setup;
    const app = setup.run([], 'app.ts');
    await serves(app, 1);
    const value = 'export const value: number = 2;\n';
    const advice = /start with --exec-arg=--import=tsx to have tsx compile it \(npm install --save-dev tsx\)\n/g;
    for (const [added, column, message] of [
      ['export enum Mode { Fast, Slow }', 8, /SyntaxError: TypeScript enum is not supported in strip-only mode/],
      ['@Object class Service {}', 1, /SyntaxError: Invalid or unexpected token/],
      [`import './app.js';`, 11, /Cannot find module/],
    ]) {
      await fail(app, setup, 'value.ts', `${value}${added}\n`, { line: 2, column, message });
    }
    const since = app.stderr.length;
    project.save('value.ts', `${value}import './page.tsx';\n`);
    await app.printed(/Unknown file extension "\.tsx".*\nNode\.js itself strips types.*\n.*keeps serving/, { since });
    assert.equal(app.stderr.match(advice).length, 4);
    assert.match(
      app.stderr,
      /there is app\.ts, which Node\.js takes for no other name; import it by its own, or start/,
    );
  },
);

for (const options of [[], ['--enable-source-maps']]) {
  test(`compiled JavaScript ${options.join('') || 'without --enable-source-maps'}: an error is shown in its source`, async (t) => {
    const compile = (project) =>
      execFileSync(process.execPath, [TSC, '-p', project.path('tsconfig.json')], { cwd: project.dir, stdio: 'pipe' });
    const setup = await setUpTypeScript(t, (port) => ({
      'package.json': MODULE,
      'tsconfig.json': JSON.stringify({
        compilerOptions: {
          target: 'es2022',
          module: 'nodenext',
          sourceMap: true,
          outDir: 'dist',
          rootDir: 'src',
          types: [],
          noCheck: true,
        },
        include: ['src'],
      }),
      'src/app.ts': answers(port, 'value', `import { value } from './value.js';`),
      'src/value.ts': 'export const value: number = 1;\n',
    }));
    const { project } = setup;
    compile(project);
    const app = setup.run(options, 'dist/app.js');
    await serves(app, 1);
    const original = { ...project, save: (name, content) => (project.write({ [name]: content }), compile(project)) };
    await fail(app, { project: original }, 'src/value.ts', THROWS, thrown('src/value.ts'));
  });
}

/** As npm installs workspaces: a link for each package in node_modules of the root. */
const workspace = (port) => ({
  'package.json': '{ "name": "root", "private": true, "workspaces": ["apps/*", "packages/*"] }',
  'apps/web/package.json': '{ "name": "web", "type": "module", "dependencies": { "@acme/lib": "*" } }',
  'apps/web/app.ts': answers(port, 'value', `import { value } from '@acme/lib';`),
  'packages/lib/package.json': '{ "name": "@acme/lib", "type": "module", "exports": "./src/index.ts" }',
  'packages/lib/src/index.ts': `import { deep } from '@acme/deep';\nexport const value: string = 'lib 1, ' + deep;\n`,
  'packages/lib/src/other.ts': `export const value: string = 'other';\n`,
  'packages/deep/package.json': '{ "name": "@acme/deep", "type": "module", "exports": "./index.js" }',
  'packages/deep/index.js': `export const deep = 'deep 1';\n`,
});
const links = { 'node_modules/@acme/lib': 'packages/lib', 'node_modules/@acme/deep': 'packages/deep' };

// @swc-node/register does not compile what is found by a package's name.
for (const [loader, options] of Object.entries({ 'no loader': [], tsx: [TSX] })) {
  test(`${loader}: workspaces: a change in a linked package, and in one that it depends on, restarts`, async (t) => {
    const setup = await setUpTypeScript(t, workspace, { links, cwd: 'apps/web' });
    const { port, project } = setup;
    const app = setup.run(options, 'app.ts');
    const index = `import { deep } from '@acme/deep';\nexport const value: string = 'lib 2, ' + deep;\n`;
    assert.equal(await edit(app, setup, 2, 'packages/lib/src/index.ts', index), 'lib 2, deep 1');
    assert.equal(
      await edit(app, setup, 3, 'packages/deep/index.js', `export const deep = 'deep 2';\n`),
      'lib 2, deep 2',
    );
    await fail(app, setup, 'packages/lib/src/index.ts', BROKEN, {
      ...broken,
      file: project.path('packages/lib/src/index.ts'),
      message: /failed to start/,
    });
    assert.equal(
      await edit(app, setup, 4, 'packages/lib/src/index.ts', index.replace('lib 2', 'lib 3')),
      'lib 3, deep 2',
    );
    // What it exports now is what a cold start would find.
    project.save('packages/lib/package.json', '{ "name": "@acme/lib", "type": "module", "exports": "./src/other.ts" }');
    assert.equal(
      await edit(app, setup, 5, 'apps/web/app.ts', answers(port, `value + '!'`, `import { value } from '@acme/lib';`)),
      'other!',
    );
  });
}

test('--env-file: a change of it restarts with the new values', async (t) => {
  const setup = await setUpTypeScript(t, (port) => ({
    '.env': 'GREETING=hello\nGONE=1\n',
    'app.mjs': answers(port, '[process.env.GREETING, process.env.GONE]').replaceAll(/: http\.\w+/g, ''),
  }));
  const { project, port } = setup;
  const app = setup.run(['--env-file=.env'], 'app.mjs');
  await serves(app, 1);
  assert.equal((await request(port)).body, 'hello,1');
  assert.equal(await edit(app, setup, 2, '.env', 'GREETING=bye\n'), 'bye,');
  assert.match(app.stderr, /↻ \.env → generation 2 in/);
  project.save('.env', 'GREETING=again\n');
  assert.equal(await edit(app, setup, 3, '.env', 'GREETING=again\n'), 'again,');
});

test('--env-file in the script start, and of a program that is its own primary', async (t) => {
  const own = (port) => `import cluster from 'node:cluster'; import { runPrimary, runWorker } from 'handover';
if (cluster.isPrimary) await runPrimary(); else await runWorker({ load: () => import('./app.mjs'), start: () => {} });
void ${port};`;
  const setup = await setUpTypeScript(t, (port) => ({
    'package.json': '{ "name": "app", "scripts": { "start": "node --env-file=.env app.mjs" } }',
    '.env': 'GREETING=hello\n',
    'entry.mjs': own(port),
    'app.mjs': answers(port, 'process.env.GREETING').replaceAll(/: http\.\w+/g, ''),
  }));
  const found = setup.handover([]);
  assert.equal(await edit(found, setup, 2, '.env', 'GREETING=one\n'), 'one');
  await found.stop();
  const entry = setup.node(['--env-file=.env', 'entry.mjs'], { cwd: setup.project.dir });
  assert.equal(await edit(entry, setup, 2, '.env', 'GREETING=two\n'), 'two');
});

test('tsx: a tsconfig.json that another one extends counts from the next restart on', async (t) => {
  const paths = (folder) => tsconfig({ module: 'esnext', paths: { '@lib/*': [`./${folder}/*`] } });
  const source = (port) => answers(port, 'value', `import { value } from '@lib/value';`);
  const { project, port, primary } = await setUpTypeScript(t, (port) => ({
    'package.json': MODULE,
    'tsconfig.json': JSON.stringify({ extends: './base.json' }),
    'base.json': paths('one'),
    'app.ts': source(port),
    'one/value.ts': 'export const value: number = 1;\n',
    'two/value.ts': 'export const value: number = 2;\n',
  }));
  const restarter = primary({ entry: 'app.ts', execArgv: [TSX] });
  await restarter.warm(1);
  assert.equal((await request(port)).body, '1');
  const answerAfter = async (generation, file, content) => {
    project.save(file, content);
    project.save('app.ts', `${source(port)}// for ${generation}\n`);
    await restarter.warm(generation);
    return (await request(port)).body;
  };
  assert.equal(await answerAfter(2, 'base.json', paths('two')), '2');
  // What is extended from now on counts as well.
  project.write({ 'other.json': paths('one') });
  assert.equal(await answerAfter(3, 'tsconfig.json', JSON.stringify({ extends: './other.json' })), '1');
  assert.equal(await answerAfter(4, 'other.json', paths('two')), '2');
});
