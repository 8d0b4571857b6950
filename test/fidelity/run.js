// Runs other people's tests three ways: under plain node, as the app of handover, and in a worker of Node's own
// cluster, which tells what every cluster changes. Prints what differs.
//
//   npm run test:fidelity -- <checkout> [--only <regular expression>] [--ways handover,cluster] [--out results.json]
//
// The checkout is of Node.js, of the line that runs this (for example the tag v20.20.2), or of a package that tests with
// node:test: then with --only '\.test\.js$', and its dependencies installed. None of it is part of this package.
import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const TIMEOUT = 15_000;
/** A test that is flaky on a busy machine has so many tries to agree. */
const TRIES = 2;
const AT_ONCE = 2;
const SUBJECTS = 'net|http|https|http2|cluster|dgram|listen|tls';

const here = (file) => fileURLToPath(new URL(file, import.meta.url));
const WAYS = { node: [], handover: [here('under-handover.js')], cluster: [here('under-cluster.js')] };

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    only: { type: 'string', default: `^test-(${SUBJECTS})-` },
    ways: { type: 'string', default: 'handover,cluster' },
    out: { type: 'string' },
  },
});
const folder = positionals[0] && path.resolve(positionals[0], 'test');
if (!folder) {
  process.stderr.write('which folder has the tests? npm run test:fidelity -- <checkout of Node.js>\n');
  process.exit(1);
}

const ways = values.ways.split(',');
const only = new RegExp(values.only);
const isNode = existsSync(path.join(folder, 'parallel'));
const files = (isNode ? ['parallel', 'sequential'] : ['.', ...readdirSync(folder)])
  .map((name) => path.join(folder, name))
  .filter((kind) => statSync(kind).isDirectory())
  .flatMap((kind) => readdirSync(kind).map((name) => path.join(path.relative(folder, kind), name)))
  .filter((file) => /\.m?js$/.test(file) && only.test(path.basename(file)));
const results = [];
await Promise.all(Array.from({ length: AT_ONCE }, (_, slot) => work(slot)));
results.sort((a, b) => (a.file < b.file ? -1 : 1));
if (values.out) writeFileSync(values.out, `${JSON.stringify(results, undefined, 2)}\n`);
report();

async function work(slot) {
  for (let file = files.shift(); file; file = files.shift()) {
    const outcome = { file, node: await run(file, 'node', slot) };
    if (outcome.node.code === 0) {
      for (const way of ways) {
        for (let tries = 0; tries < TRIES && outcome[way]?.code !== 0; tries++)
          outcome[way] = await run(file, way, slot);
      }
    }
    results.push(outcome);
    process.stderr.write(
      `${results.length} ${file} ${['node', ...ways].map((way) => outcome[way]?.code ?? '-').join(' ')}\n`,
    );
  }
}

/** One run of one test, in a process group of its own. */
function run(file, way, slot) {
  const { promise, resolve } = withResolvers();
  const test = path.join(folder, file);
  const flags = /^\/\/ Flags:(.*)$/m.exec(readFileSync(test, 'utf8'))?.[1].trim().split(/\s+/) ?? [];
  const dir = path.join(folder, `.tmp-${slot}`);
  mkdirSync(dir, { recursive: true });
  const env = {
    ...process.env,
    NODE_SKIP_FLAG_CHECK: '1',
    TEST_THREAD_ID: String(slot),
    NODE_COMMON_PORT: String(12346 + 100 * slot),
  };
  for (const name of ['NODE_OPTIONS', 'NODE_CHANNEL_FD', 'NODE_TEST_CONTEXT']) delete env[name];
  const args = way === 'node' ? [...flags, test] : [...WAYS[way], test, ...flags];
  const child = spawn(process.execPath, args, {
    cwd: isNode ? folder : path.dirname(folder),
    env,
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (chunk) => (output = (output + chunk).slice(-4000)));
  let timedOut = false;
  const timer = setTimeout(() => {
    timedOut = true;
    killGroup(child);
  }, TIMEOUT);
  child.on('exit', (code, signal) => {
    clearTimeout(timer);
    killGroup(child);
    resolve({ code: timedOut ? 'timeout' : (code ?? signal), ...(code !== 0 && { output }) });
  });
  return promise;
}

/** A test may leave processes behind. */
function killGroup(child) {
  try {
    process.kill(-child.pid, 'SIGKILL');
  } catch {
    // None is left.
  }
}

function report() {
  const fits = results.filter(({ node }) => node.code === 0);
  process.stdout.write(`${results.length} files; ${fits.length} pass under plain node; of these agree:\n`);
  for (const [subject, list] of groupBy(fits, subjectOf)) {
    const counts = ways.map((way) => `${list.filter((result) => result[way].code === 0).length} under ${way}`);
    process.stdout.write(`  ${subject.padEnd(10)} ${counts.join(', ')} of ${list.length}\n`);
  }
  for (const { file, handover, cluster } of fits) {
    if (!handover || handover.code === 0) continue;
    const also = cluster && cluster.code !== 0 ? ' (in a cluster, too)' : '';
    process.stdout.write(`\n✖ ${file}: ${handover.code}${also}\n${handover.output.trim().replace(/^/gm, '    ')}\n`);
  }
}

function subjectOf({ file }) {
  return /test-([a-z0-9]+)/.exec(file)?.[1] ?? 'all';
}

function groupBy(list, keyOf) {
  const groups = new Map();
  for (const item of list) groups.set(keyOf(item), [...(groups.get(keyOf(item)) ?? []), item]);
  return groups;
}

function withResolvers() {
  let resolve;
  const promise = new Promise((settle) => (resolve = settle));
  return { promise, resolve };
}
