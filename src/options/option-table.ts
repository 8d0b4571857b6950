import type { HandoverOptions } from './handover-options.ts';

export type OptionName = keyof HandoverOptions;

/** What values an option takes, apart from its range. */
export type OptionKind =
  | 'list'
  | 'boolean'
  | 'duration'
  | 'whole number'
  | 'interval'
  | 'file'
  | 'preload'
  | 'port'
  | 'address';

export interface OptionRow {
  name: OptionName;
  flag: `--${string}`;
  short?: `-${string}`;
  kind: OptionKind;
  /** How help calls the flag's value. */
  value?: string;
  /** As the user would write it; undefined: see defaultText. */
  default: boolean | number | string | readonly string[] | undefined;
  /** What help and the docs say in place of the default. */
  defaultText?: string;
  /** Of durations in milliseconds. */
  min?: number;
  max?: number;
  /** Of `true`, where that is short for a value. */
  meaningOfTrue?: number | string;
  /** Its value is passed on and may look like an option of ours. */
  passedOn?: true;
  group: OptionGroup;
  /** What the option does. */
  doc: string;
  /** What `--no-…` does, for an option that is on by default. */
  offDoc?: string;
}

export type OptionGroup =
  | 'Watching'
  | 'Restarting'
  | 'State'
  | 'Debugging'
  | 'Browser'
  | 'Workers'
  | 'Limits'
  | 'Output';

/** The one list of options: the resolver, the command line, its help and docs/options.md derive from it. */
export const OPTION_TABLE: readonly OptionRow[] = [
  {
    name: 'watch',
    flag: '--watch',
    short: '-w',
    kind: 'list',
    value: '<path>',
    default: [],
    group: 'Watching',
    doc: 'Watch this file or folder too, besides what the app loads.',
  },
  {
    name: 'ignore',
    flag: '--ignore',
    short: '-i',
    kind: 'list',
    value: '<pattern>',
    default: [],
    group: 'Watching',
    doc: 'Changes of files that match this .gitignore pattern do nothing.',
  },
  {
    name: 'poll',
    flag: '--poll',
    kind: 'interval',
    value: '[=<time>]',
    default: false,
    meaningOfTrue: '200ms',
    min: 1,
    group: 'Watching',
    doc: 'Look for changes every 200ms, or at this interval, for network mounts.',
  },
  {
    name: 'restartDelay',
    flag: '--restart-delay',
    kind: 'duration',
    value: '<time>',
    default: 0,
    group: 'Watching',
    doc: 'Wait this long between a change and its restart.',
  },

  {
    name: 'fresh',
    flag: '--fresh',
    kind: 'boolean',
    default: false,
    group: 'Restarting',
    doc: 'Hold requests from the change on: none sent after a save is answered by old code.',
  },
  {
    name: 'overlap',
    flag: '--overlap',
    kind: 'boolean',
    default: true,
    group: 'Restarting',
    doc: 'The old generation serves while the new one loads; turn it off for an app that owns something exclusive.',
    offDoc: 'Stop the old generation before the new one loads, for an app that owns something exclusive.',
  },
  {
    name: 'waitReady',
    flag: '--wait-ready',
    kind: 'boolean',
    default: false,
    group: 'Restarting',
    doc: "A generation is ready when it calls process.send('ready').",
  },
  {
    name: 'standby',
    flag: '--standby',
    kind: 'whole number',
    value: '<n>',
    default: 1,
    min: 0,
    max: 2,
    group: 'Restarting',
    doc: 'Keep this many workers warm for the next restart, 0 to 2.',
  },
  {
    name: 'preload',
    flag: '--preload',
    kind: 'preload',
    value: '<what>',
    default: 'auto',
    group: 'Restarting',
    doc: 'What a standby evaluates ahead: auto, the dependencies of the app where it makes no difference; prefix, those before all its own files; or a module, repeatable.',
  },

  {
    name: 'snapshot',
    flag: '--snapshot',
    kind: 'file',
    value: '<file>',
    default: undefined,
    defaultText: 'in node_modules/.cache',
    group: 'State',
    doc: 'Keep the state snapshot in this file; --no-snapshot writes none.',
  },
  {
    name: 'persist',
    flag: '--persist',
    kind: 'boolean',
    default: false,
    group: 'State',
    doc: 'Keep the snapshot after a clean stop.',
  },
  {
    name: 'checkpointInterval',
    flag: '--checkpoint-interval',
    kind: 'duration',
    value: '<time>',
    default: '5s',
    group: 'State',
    doc: 'Save the state this often in case the app crashes; 0 never does.',
  },

  {
    name: 'inspect',
    flag: '--inspect',
    kind: 'address',
    value: '[=<address>]',
    default: false,
    meaningOfTrue: '127.0.0.1:9229',
    group: 'Debugging',
    doc: 'Let debuggers attach at 127.0.0.1:9229, or at this [host:]port, which stays the same over all restarts.',
  },
  {
    name: 'inspectBrk',
    flag: '--inspect-brk',
    kind: 'address',
    value: '[=<address>]',
    default: false,
    meaningOfTrue: '127.0.0.1:9229',
    group: 'Debugging',
    doc: 'The same, and each generation waits for a debugger and breaks at the first line of the entry.',
  },

  {
    name: 'ui',
    flag: '--ui',
    kind: 'port',
    value: '[=<port>]',
    default: false,
    meaningOfTrue: 4242,
    group: 'Browser',
    doc: 'Serve a page on 127.0.0.1 that shows the restarts, at port 4242 or this one; the next one when it is taken.',
  },
  {
    name: 'liveReload',
    flag: '--live-reload',
    kind: 'boolean',
    default: false,
    group: 'Browser',
    doc: "Reload the app's pages after a restart, and show a failed start on them; the script for it is added to HTML responses.",
  },

  {
    name: 'execArgv',
    flag: '--exec-arg',
    kind: 'list',
    value: '<option>',
    default: [],
    passedOn: true,
    group: 'Workers',
    doc: 'Start the workers with this option of Node.js.',
  },
  {
    name: 'restartArgs',
    flag: '--restart-arg',
    kind: 'list',
    value: '<arg>',
    default: [],
    passedOn: true,
    group: 'Workers',
    doc: 'Add this argument to process.argv from generation 2 on.',
  },

  {
    name: 'readyTimeout',
    flag: '--ready-timeout',
    kind: 'duration',
    value: '<time>',
    default: '10s',
    min: 1,
    group: 'Limits',
    doc: 'A generation that is not ready in this time has failed to start.',
  },
  {
    name: 'quiesceTimeout',
    flag: '--quiesce-timeout',
    kind: 'duration',
    value: '<time>',
    default: '1s',
    group: 'Limits',
    doc: 'A handover waits for a request in flight until it has taken this long.',
  },
  {
    name: 'drainTimeout',
    flag: '--drain-timeout',
    kind: 'duration',
    value: '<time>',
    default: '10s',
    group: 'Limits',
    doc: 'A replaced generation may go on with its long responses this long.',
  },
  {
    name: 'shutdownTimeout',
    flag: '--shutdown-timeout',
    kind: 'duration',
    value: '<time>',
    default: '10s',
    group: 'Limits',
    doc: "The app's components, then its child processes, may take this long to end.",
  },
  {
    name: 'killTimeout',
    flag: '--kill-timeout',
    kind: 'duration',
    value: '<time>',
    default: '2s',
    group: 'Limits',
    doc: 'A worker that was told to end is killed after this time.',
  },
  {
    name: 'holdTimeout',
    flag: '--hold-timeout',
    kind: 'duration',
    value: '<time>',
    default: '30s',
    group: 'Limits',
    doc: 'While nothing serves, a connection is held this long before it gets a 503 page.',
  },
  {
    name: 'holdLimit',
    flag: '--hold-limit',
    kind: 'whole number',
    value: '<n>',
    default: 1000,
    min: 0,
    group: 'Limits',
    doc: 'At most this many connections are held at once.',
  },

  {
    name: 'keys',
    flag: '--keys',
    kind: 'boolean',
    default: true,
    group: 'Output',
    doc: 'At a terminal, take keys such as r and Enter to restart, until the app reads its input itself.',
    offDoc: "Take no keys at a terminal: the input is the app's alone.",
  },
  {
    name: 'json',
    flag: '--json',
    kind: 'boolean',
    default: false,
    group: 'Output',
    doc: 'Tell each event as a line of JSON, for programs; on stderr, as all that handover says.',
  },
];

/** Whether `--no-…` exists for it. */
export function canBeTurnedOff(row: OptionRow): boolean {
  return row.kind === 'boolean' || row.kind === 'file' || row.kind === 'preload' || hasOptionalValue(row);
}

/** Whether its flag may stand without a value, and is joined to the one it has. */
export function hasOptionalValue(row: OptionRow): boolean {
  return row.kind === 'interval' || row.kind === 'port' || row.kind === 'address';
}

/** `--no-overlap` for `--overlap`. */
export function negated(row: OptionRow): string {
  return row.flag.replace('--', '--no-');
}

/** The form of the flag that changes the default: `--no-overlap`, `--fresh`, `--watch <path>`, `--poll[=<time>]`. */
export function usageOf(row: OptionRow): string {
  if (row.default === true) return negated(row);
  if (!row.value) return row.flag;
  return row.value.startsWith('[') ? row.flag + row.value : `${row.flag} ${row.value}`;
}

/** `undefined` when the default is "none" or "off" and need not be told. */
export function defaultTextOf({ default: value, defaultText, kind }: OptionRow): string | undefined {
  if (defaultText) return defaultText;
  if (value === false || kind === 'boolean' || kind === 'list') return undefined;
  return String(value);
}
