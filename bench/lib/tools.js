// The tools that are compared, and how each runs an entry in the folder of its project.
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { BENCH, ROOT } from './project.js';

const inPackages = (...parts) => path.join(BENCH, 'node_modules', ...parts);
const node = process.execPath;
const node24 = inPackages('node24', 'bin', 'node');
// The binaries themselves: the packages `bun` and `deno` would put a script of Node.js before them where their install
// scripts didn't run.
const bun = inPackages('@oven', 'bun-linux-x64', 'bin', 'bun');
const deno = inPackages('@deno', 'linux-x64-glibc', 'deno');
const tsx = inPackages('tsx', 'dist', 'cli.mjs');
const nodemon = inPackages('nodemon', 'bin', 'nodemon.js');
const handover = path.join(ROOT, 'dist', 'cli.js');

/** What makes Node.js run TypeScript where it can't by itself; for any app, wherever it is. */
export const TSX_LOADER = ['--import', createRequire(inPackages('tsx', 'package.json')).resolve('tsx')];
export const NODE_24 = node24;

const tool = (name, command, ...args) => ({ name, command, args: (entry) => [...args, entry] });

export const HANDOVER = tool('handover', node, handover);
export const HANDOVER_24 = tool('handover (Node.js 24)', node24, handover);
export const BUN_HOT = tool('bun --hot', bun, '--hot');
export const BUN_WATCH = tool('bun --watch', bun, '--watch');
export const DENO_WATCH = tool('deno --watch', deno, 'run', '--allow-all', '--watch');
export const NODE_WATCH = tool('node --watch', node, '--watch');
export const NODE_24_WATCH = tool('node --watch (Node.js 24)', node24, '--watch');
export const NODEMON = tool('nodemon', node, nodemon);
export const NODEMON_TSX = tool('nodemon --exec tsx', node, nodemon, '--exec', `"${node}" "${tsx}"`);
export const TSX_WATCH = tool('tsx watch', node, tsx, 'watch');

export const isThere = ({ command }) => existsSync(command);

/** The environment of a project's processes. */
export function environmentOf({ dir, port }) {
  return {
    PORT: String(port),
    // nodemon takes `node` from the PATH: let it be the one that runs the others.
    PATH: `${path.dirname(node)}${path.delimiter}${process.env.PATH}`,
    // What deno would leave in the home of the user, and ask for on the web.
    DENO_DIR: path.join(dir, '.deno'),
    DENO_NO_UPDATE_CHECK: '1',
  };
}
