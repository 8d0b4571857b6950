// Isolates what frameworks make of a restart: a small app in each, as its own documentation writes it, run by the command
// line tool and saved under load, every request accounted for.
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';
import { request, withLoad } from '../lib/clients.js';
import { withCommandLine } from '../lib/command-line.js';
import { exactly } from '../lib/goals.js';
import { BENCH, withProject } from '../lib/project.js';
import { median, round } from '../lib/statistics.js';

/** Requests between a commit and what follows. */
const MORE_LOAD = 60;
const WARM_UP = 300;
/** Between two requests of a client, in milliseconds: on a machine of two cores the load would else be what is measured. */
const PAUSE = 10;
const CLIENTS = 20;
/** How long the load goes on without a save, to tell the waits that no restart has caused, in milliseconds. */
const QUIET = 1000;

const JSON_BODY = { method: 'POST', headers: { 'content-type': 'application/json' }, body: '{}' };
const COUNT = { ...JSON_BODY, path: '/count' };
const MUTATION = { ...JSON_BODY, path: '/graphql', body: '{"query":"mutation { count { version pid count } }"}' };

/** Newer versions of Node.js run TypeScript by themselves, but no decorators, and none of what has to be compiled. */
const TSX = ['--exec-arg=--import=tsx'];

const APPS = [
  { name: 'Express', app: 'express-4', package: 'express4' },
  { name: 'Express', app: 'express-5', package: 'express' },
  { name: 'Fastify', app: 'fastify', package: 'fastify' },
  { name: 'Koa', app: 'koa', package: 'koa' },
  { name: 'Hono, @hono/node-server', app: 'hono', package: 'hono' },
  { name: 'hapi', app: 'hapi', package: '@hapi/hapi' },
  { name: 'h3, srvx', app: 'h3', package: 'h3' },
  { name: 'GraphQL Yoga', app: 'graphql-yoga', package: 'graphql-yoga', ...MUTATION, read: ({ data }) => data.count },
  { name: 'NestJS on Express, tsx', app: 'nest-express', package: '@nestjs/core', args: TSX },
  { name: 'NestJS on Fastify, tsx', app: 'nest-fastify', package: '@nestjs/core', args: TSX },
  { name: 'Express in TypeScript, tsx', app: 'typescript', package: 'tsx', args: TSX },
  { name: 'Next.js, custom server', app: 'next', package: 'next', path: '/api/count', build: buildNext },
];

export const page = 'connections.md';

export const title = 'Frameworks';

export const columns = [
  ['framework', 'framework'],
  ['node', 'Node.js'],
  ['restarts', 'restarts'],
  ['requests', 'requests'],
  ['failed', 'failed'],
  ['lost', 'lost'],
  ['repeated', 'repeated'],
  ['kept', 'connections kept'],
  ['longestWaitMs', 'longest wait, ms'],
  ['longestQuietWaitMs', 'the same in a second without a save'],
  ['pauseMedianMs', 'pause, median ms'],
  ['newCodeMedianMs', 'save to new code, median ms'],
];

export async function run({ quick, nodes, log }) {
  const saves = quick ? 3 : 20;
  const rows = [];
  const goals = [];
  for (const node of nodes) {
    for (const app of APPS) {
      const row = await measure(app, node, saves).catch((error) => log(error.message));
      // What it has told is not to be lost with those after it.
      goals.push(exactly('measured', true, row !== undefined, app.name));
      if (!row) continue;
      log(`${row.framework} on Node.js ${node.version}: ${row.failed} of ${row.requests} failed`);
      for (const complaint of row.complaints) log(`  ${complaint}`);
      rows.push(row);
      goals.push(...goalsOf(row, saves));
    }
  }
  const note = `${CLIENTS} clients, each of which counts in kept state and rests for ${PAUSE} ms after the answer: 15 keep their connection, 5 open one for each request. Lost: acknowledged, but not counted. A save comes when the standby for it is warm.`;
  return { rows, goals, note };
}

function measure({ name, app, package: packageName, build, args, read = (answer) => answer, ...how }, node, saves) {
  const asked = { ...COUNT, ...how };
  return withProject(`frameworks/${app}`, async (project) => {
    await build?.(project);
    return withCommandLine(project, { node: node.path, args }, async (tool) => {
      const options = { ...asked, read, clients: CLIENTS, pauseMs: PAUSE };
      const { load, newCode, quietMs } = await withLoad(project.port, options, (load) =>
        saveUnderLoad(tool, project, load, saves),
      );
      // Asked when the load has ended, so that every request is counted, and this one.
      const counted = read(await request(project.port, asked)).count - 1;
      const { clients, kept } = load.keepAlive;
      return {
        framework: `${name} ${versionOf(packageName)}`,
        node: node.version,
        restarts: tool.generation - 1,
        requests: load.requests,
        failed: load.failed,
        ...(load.failed > 0 && { failures: load.failures }),
        lost: Math.max(0, load.acknowledged - counted),
        repeated: load.acknowledged - load.counts.size,
        kept: `${kept} of ${clients}`,
        isKept: kept === clients,
        longestWaitMs: round(load.takeLongestMs()),
        longestQuietWaitMs: round(quietMs),
        pauseMedianMs: round(median(tool.pauses)),
        newCodeMedianMs: round(median(newCode)),
        complaints: tool.complaints,
      };
    });
  });
}

async function saveUnderLoad(tool, project, load, saves) {
  await load.more(WARM_UP);
  load.takeLongestMs();
  await delay(QUIET);
  const quietMs = load.takeLongestMs();
  const newCode = [];
  await tool.restarts(project, saves, {
    servingPid: () => load.servingPid,
    async onCommitted({ savedAt, version }) {
      await load.more(MORE_LOAD);
      newCode.push(load.firstSeen.get(version) - savedAt);
    },
  });
  return { load, newCode, quietMs };
}

function goalsOf({ failed, lost, repeated, restarts, isKept, complaints, framework, node }, saves) {
  const where = `${framework}, Node.js ${node}`;
  return [
    exactly('failed', 0, failed, where),
    exactly('lost', 0, lost, where),
    exactly('repeated', 0, repeated, where),
    exactly('restarts', saves, restarts, where),
    exactly('all keep-alive connections kept', true, isKept, where),
    exactly('warnings of the tool', 0, complaints.length, where),
  ];
}

function versionOf(name) {
  return JSON.parse(readFileSync(path.join(BENCH, 'node_modules', name, 'package.json'), 'utf8')).version;
}

/** What `next build` does, without a word to its makers. */
async function buildNext({ dir }) {
  const next = path.join(dir, 'node_modules', 'next', 'dist', 'bin', 'next');
  const env = { ...process.env, NEXT_TELEMETRY_DISABLED: '1' };
  // Turbopack follows no link to a folder of packages outside of the project.
  await promisify(execFile)(process.execPath, [next, 'build', '--webpack'], { cwd: dir, env });
}
