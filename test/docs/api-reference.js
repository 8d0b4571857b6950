import { readFileSync } from 'node:fs';
import path from 'node:path';
import { ROOT } from '../helpers/project.js';

/** docs/api.md, made of the declarations of what ships, with their docstrings. `node test/docs/api-reference.js` prints it. */
export function apiReference() {
  const exported = exportsOf('dist/index.d.ts');
  const sections = GROUPS.map(([title, intro, names]) => {
    const entries = names.map((name) => entryOf(name, declarationOf('dist/index.d.ts', name)));
    return [`## ${title}`, intro, ...entries].filter(Boolean).join('\n\n');
  });
  const grouped = new Set(GROUPS.flatMap(([, , names]) => names));
  const missing = [...exported.keys()].filter((name) => !grouped.has(name));
  if (missing.length > 0) throw new Error(`in no group of the API reference: ${missing}`);
  return `${[HEAD, ...sections].join('\n\n')}\n`;
}

const HEAD = `# API

Everything that \`import … from 'handover'\` gives, as the package declares it. Durations are milliseconds or texts such as \`'8s'\`; every
error is a \`HandoverError\` with a [code](errors.md).`;

const GROUPS = [
  [
    'In an entry',
    'See [Getting started](getting-started.md).',
    ['runPrimary', 'runWorker', 'AppSteps', 'StartContext'],
  ],
  [
    'In any module of the app',
    'See [State](state.md) and [Connections](connections.md).',
    ['keep', 'KeepOptions', 'registerClass', 'ClassCodec', 'StandardSchema', 'onShutdown', 'AppComponent'],
  ],
  [
    'Connections that move',
    '',
    [
      ...['keepWebSockets', 'KeepWebSocketsOptions', 'WebSocketServerLike', 'WebSocketOf'],
      ...['keepSockets', 'KeepSocketsOptions', 'Moved'],
    ],
  ],
  [
    'ProcessRestarter',
    'What `runPrimary()` returns. See [Building blocks](building-blocks.md).',
    ['ProcessRestarter', 'ProcessRestarterOptions', 'RestarterCallbacks', 'RestartCommand', 'WorkerExit'],
  ],
  ['Its events', '', ['RestarterEvents', 'Receipt', 'PhaseTime', 'Failure', 'WireError', 'Ended']],
  ['StateSerializer', '', ['StateSerializer', 'StateSerializerOptions', 'RestartState']],
  ['GracefulShutdownManager', '', ['GracefulShutdownManager', 'ShutdownComponent', 'ComponentReport']],
  ['FileChangeWatcher', '', ['FileChangeWatcher', 'FileChangeWatcherOptions']],
  ['Options and errors', '', ['HandoverOptions', 'Duration', 'HandoverError', 'HandoverErrorCode']],
];

const read = (file) => readFileSync(path.join(ROOT, file), 'utf8');

/** The names that a file exports from others, and from which. */
function exportsOf(file) {
  const names = new Map();
  for (const [, list, from] of read(file).matchAll(/^export (?:type )?\{([^}]+)\} from '(.+)\.ts';/gm)) {
    for (const name of list.split(',')) {
      const own = name.replace(/\btype\b/, '').trim();
      if (own) names.set(own, path.posix.join(path.posix.dirname(file), `${from}.d.ts`));
    }
  }
  return names;
}

/** The docstring and the declaration of a name, wherever it is declared. */
function declarationOf(file, name) {
  const from = exportsOf(file).get(name);
  if (from) return declarationOf(from, name);
  const begin = new RegExp(
    String.raw`((?:^/\*\*(?:[^*]|\*(?!/))*\*/\n)?)^export (?:declare )?(?:abstract )?(?:class|interface|type|function) ${name}\b`,
    'm',
  );
  // What is only a type stands in the source as it was written.
  const source = file.replace(/^dist\/(.*)\.d\.ts$/, 'src/$1.ts');
  const isType = new RegExp(String.raw`^export (?:interface|type) ${name}\b`, 'm').test(read(source));
  const all = read(isType ? source : file);
  const found = begin.exec(all);
  if (!found) throw new Error(`${file} does not declare ${name}`);
  const text = all.slice(found.index + found[1].length);
  // A declaration ends at the first line that begins like it ended: with its closing brace, or at its semicolon.
  const [declaration] = /^export [^\n]*;(?=\n)|^export [\s\S]*?\n(?:\}[^\n]*|[^\n]*;)(?=\n(?![ }|]))/.exec(text);
  return { doc: textOf(found[1]), declaration };
}

/** A docstring as a paragraph, and a list of its tags. */
function textOf(comment) {
  const lines = comment
    .replace(/^\/\*\*|\*\/\s*$/g, '')
    .split('\n')
    .map((line) => line.replace(/^\s*\* ?/, '').trim());
  return lines
    .join('\n')
    .trim()
    .replaceAll(/\n(?!\n|@|- )/g, ' ')
    .replace('\n- ', '\n\n- ')
    .replaceAll(/ *\n+@param (\S+)/g, '\n\n- `$1`:')
    .replaceAll(/ *\n+@throws (HandoverError)/g, '\n\n- Throws $1');
}

function isIndentedByFour(text) {
  return !/^ {2}\S/m.test(text);
}

function entryOf(name, { doc, declaration }) {
  const code = declaration
    .replace(/^export (?:declare )?/, '')
    .replaceAll(/^ {4}(?:#private;|private .*)\n/gm, '')
    .replaceAll(/^(?: {4})+/gm, (indent) => (isIndentedByFour(declaration) ? ' '.repeat(indent.length / 2) : indent));
  const call = code.startsWith('function') ? '()' : '';
  return [`### ${name}${call}`, doc, `\`\`\`ts\n${code}\n\`\`\``].filter(Boolean).join('\n\n');
}

if (process.argv[1] === import.meta.filename) process.stdout.write(apiReference());
