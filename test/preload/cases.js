/**
 * Small apps whose outcome depends on the order in which their modules are evaluated. Each runs once with plain `node`
 * and once under a primary, where it is restarted three times by a save that changes its VERSION, always from a warm
 * standby. What it reports must be the same every time.
 *
 * `npm test` runs the first table of each file, `npm run test:preload` the second ones, too. One case:
 * `PRELOAD_CASES=all node --test --test-name-pattern 'part of its title' test/preload/*.test.js`
 *
 * To add a case, put an entry into the table of the file that has its theme:
 *
 *     'an app module sets a variable that a dependency reads': {
 *       app: `import './env.mjs'; import { seen } from 'dep'; const report = () => seen;`,
 *       files: { 'env.mjs': `process.env.API_URL = 'set';` },
 *       esm: { dep: `export const seen = process.env.API_URL ?? null;` },
 *       told: /API_URL/,
 *     },
 *
 * | field      | meaning                                                                                              |
 * | ---------- | ---------------------------------------------------------------------------------------------------- |
 * | `app`      | source of the entry; defines `report()`, whose JSON (or a promise of it) is all that is compared     |
 * | `entry`    | its name, default `app.mjs`                                                                          |
 * | `files`    | other files; `PORT2` in any source is a free port, `SERVE` the place of the server if not the end    |
 * | `esm`/`cjs`| packages: name → source of their index.js                                                            |
 * | `installs` | packages of this repository to be installed                                                          |
 * | `links`    | symbolic links: path → target                                                                        |
 * | `execArgv` | options of Node.js                                                                                   |
 * | `env`      | environment variables                                                                                |
 * | `vary`     | version → files written (undefined: removed) right before the save; each is compared with its own    |
 * |            | cold start                                                                                           |
 * | `preloads` | what the last standby has to have evaluated of the packages that the app's own files name: `all`     |
 * |            | (and it served, and there was no warning), `some`, `none`; undefined: as the rules decide            |
 * | `told`     | a warning that names why not all is preloaded; none is given twice; undefined: as the rules decide         |
 * | `skip`     | the reason why it can't run here, else falsy                                                         |
 *
 * A dependency tells what it saw through its exports. An app module that writes to a place which a dependency reads is
 * never harmless by accident: a log that both write to would be a case of its own.
 */
import assert from 'node:assert/strict';
import { existsSync, mkdirSync, rmSync, symlinkSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { request } from '../helpers/clients.js';
import { setUp } from '../helpers/fixture.js';
import { freePort } from '../helpers/ports.js';
import { ROOT } from '../helpers/project.js';

const RESTARTS = 3;
const TIMEOUT = 60_000;

/** Makes a test of each case. */
export function testCases(cases) {
  for (const [title, { skip = false, ...definition }] of Object.entries(cases))
    test(title, { skip, timeout: TIMEOUT }, (t) => run(t, { entry: 'app.mjs', ...definition }));
}

/** Of a broad sweep, which is run on its own: `npm run test:preload`. */
export function testMoreCases(cases) {
  if (process.env.PRELOAD_CASES === 'all') testCases(cases);
}

async function run(t, definition) {
  const { entry, env, execArgv = [], vary, installs = [], links = {} } = definition;
  const secondPort = await freePort();
  const fixture = await setUp(t, (port) => sourcesOf(definition, port, secondPort));
  const { port, project } = fixture;
  const installed = installs.map((name) => [`node_modules/${name}`, path.join(ROOT, 'node_modules', name)]);
  for (const [name, target] of [...installed, ...Object.entries(links)]) {
    if (existsSync(project.path(name))) continue;
    mkdirSync(path.dirname(project.path(name)), { recursive: true });
    symlinkSync(target, project.path(name));
  }
  const writeVersion = (version) => {
    for (const [name, content] of Object.entries(vary?.(version) ?? {})) {
      if (content === undefined) rmSync(project.path(name), { force: true });
      else project.write({ [name]: content.replaceAll('PORT2', secondPort) });
    }
  };
  const cold = async (version) => {
    writeVersion(version);
    const app = fixture.node([...execArgv, ...loaderOf(entry), entry], { env });
    await app.printed(/^listening$/m);
    const { report } = await reportOf(port);
    await app.signal('SIGKILL');
    return report;
  };

  const versions = Array.from({ length: 1 + RESTARTS }, (_, index) => index + 1);
  const expected = [];
  for (const version of versions) expected.push(vary || version === 1 ? await cold(version) : expected[0]);
  assert.notEqual(expected[0], undefined, 'report() has to return something');

  writeVersion(1);
  const primary = fixture.primary({ entry, env, execArgv });
  const { served, source } = servedFile(definition, port, secondPort);
  let since = 0;
  let standby;
  for (const version of versions) {
    if (version > 1) {
      standby = await primary.event('standby', undefined, since);
      since = primary.events.length;
      writeVersion(version);
      project.save(served, atVersion(source, version));
    }
    const { committed, answer } = await servedVersion(primary, port, version, since);
    since = primary.events.findIndex(({ detail }) => detail === committed) + 1;
    assert.deepEqual(answer.report, expected[version - 1], `generation ${version} differs from a cold start`);
    if (version > 1) t.diagnostic(`generation ${version}: ${describe(standby, committed)}`);
    if (version === versions.at(-1)) checkPreloaded(primary, definition, standby, committed);
  }
}

/** What is saved besides the version is a change of its own, and may cost a restart of its own. */
async function servedVersion(primary, port, version, since) {
  for (let from = since; ;) {
    const committed = await committedSince(primary, from);
    const answer = await reportOf(port);
    if (answer.version === version) {
      assert.ok(primary.all('committed').some(({ pid }) => pid === answer.pid));
      return { committed, answer };
    }
    from = primary.events.findIndex(({ detail }) => detail === committed) + 1;
  }
}

function checkPreloaded(primary, { preloads, told, app, files = {}, esm, cjs, installs = [] }, standby, committed) {
  const { preloaded } = standby;
  // What does not preload yet can only be compared with a cold start.
  if (preloaded === undefined) return;
  const warnings = primary.all('warning').map(({ message }) => message);
  const own = Object.entries(files).filter(([name]) => !name.includes('node_modules/'));
  const text = [app, ...own.map(([, source]) => source)].join('\n');
  const names = Object.keys({ ...esm, ...cjs }).concat(installs);
  const named = names.filter((name) => text.includes(`'${name}'`) || text.includes(`'${name}/`));
  const missing = named.filter((name) => !preloaded.some((file) => file.includes(`/node_modules/${name}/`)));
  if (preloads === 'all') {
    assert.deepEqual(missing, [], `not preloaded: ${missing}`);
    assert.equal(committed.pid, standby.pid, 'the warm standby was dropped');
    assert.deepEqual(warnings, []);
  } else if (preloads === 'some') {
    assert.ok(missing.length > 0 && missing.length < named.length, `preloaded: ${preloaded}`);
    assert.equal(committed.pid, standby.pid, 'the warm standby was dropped');
  } else if (preloads === 'none') {
    assert.deepEqual(preloaded, []);
  }
  if (told) {
    const matching = warnings.filter((message) => told.test(message));
    assert.ok(matching.length > 0, `not told (${told}): ${JSON.stringify(warnings)}`);
    assert.equal(new Set(warnings).size, warnings.length, `told twice: ${JSON.stringify(warnings)}`);
  }
}

const describe = ({ pid, preloaded }, committed) =>
  `${preloaded?.length ?? 'no'} roots preloaded, ${pid === committed.pid ? 'served' : 'dropped'}`;

/** Rejects with the error of a generation that fails to start. */
function committedSince(primary, since) {
  const failed = primary.event('rolledBack', undefined, since).then(({ generation, error }) => {
    throw new Error(`generation ${generation} was rolled back: ${error.stack ?? error.message}`);
  });
  const committed = primary.event('committed', undefined, since);
  // The one that loses may reject when the primary has been stopped.
  for (const promise of [failed, committed]) promise.catch(() => {});
  return Promise.race([committed, failed]);
}

async function reportOf(port) {
  const { body } = await request(port, { path: '/report' });
  return JSON.parse(body);
}

function sourcesOf(definition, port, secondPort) {
  const { esm = {}, cjs = {}, installs = [] } = definition;
  const names = Object.keys({ ...esm, ...cjs }).concat(installs);
  const sources = {};
  for (const [type, packages] of Object.entries({ module: esm, commonjs: cjs })) {
    for (const [name, source] of Object.entries(packages)) {
      sources[`node_modules/${name}/package.json`] = JSON.stringify({
        name,
        version: '1.0.0',
        type,
        main: './index.js',
        // As a published package does.
        dependencies: Object.fromEntries(
          names
            .filter((other) => other !== name && new RegExp(`'${other}['/]`).test(source))
            .map((other) => [other, '*']),
        ),
      });
      sources[`node_modules/${name}/index.js`] = source;
    }
  }
  Object.assign(sources, ownFiles(definition));
  const { served } = servedFile(definition, port, secondPort);
  for (const [name, source] of Object.entries(sources))
    sources[name] = name === served ? serving(source, port, secondPort) : source.replaceAll('PORT2', secondPort);
  return sources;
}

function ownFiles({ entry, app, files = {} }) {
  return { [entry]: app, ...files };
}

/** The file that has the server and its VERSION, and its source. */
function servedFile(definition, port, secondPort) {
  const all = ownFiles(definition);
  const served = Object.keys(all).find((name) => /\bSERVE\b/.test(all[name])) ?? definition.entry;
  return { served, source: serving(all[served], port, secondPort) };
}

function serving(source, port, secondPort) {
  // Neither an import nor a require(), so that it has no part in the order of evaluation, whatever the file's format.
  const server = `const VERSION = 1;
const served = process.getBuiltinModule('node:http').createServer(async (request, response) => {
  response.end(JSON.stringify({ version: VERSION, pid: process.pid, report: await report() }));
}).listen(${port}, '127.0.0.1', () => process.getBuiltinModule('node:fs').writeSync(1, 'listening\\n'));
`;
  const whole = /\bSERVE\b/.test(source) ? source.replace(/\bSERVE\b/, server) : `${source}\n${server}`;
  return whole.replaceAll('PORT2', secondPort);
}

const atVersion = (source, version) => source.replace('VERSION = 1;', `VERSION = ${version};`);

/** How plain node runs the entry. */
function loaderOf(entry) {
  return entry.endsWith('.ts') && !process.features.typescript ? ['--import', 'tsx'] : [];
}
