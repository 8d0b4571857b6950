import assert from 'node:assert/strict';
import { test } from 'node:test';
import { OPTION_TABLE } from '../../dist/options/option-table.js';
import { parseCommandLine } from '../../dist/options/command-line.js';
import { helpText } from '../../dist/options/help.js';
import { resolveOptions } from '../../dist/options/resolve-options.js';

const run = (entry, args, flags) => ({ kind: 'run', entry, args, flags });

test('the first positional is the entry, all behind it belongs to the app', () => {
  assert.deepEqual(parseCommandLine(['server.ts']), run('server.ts', [], {}));
  const args = ['--help', '--fresh', '--', '-v', '--watch=x', ''];
  assert.deepEqual(parseCommandLine(['--fresh', 'server.ts', ...args]), run('server.ts', args, { fresh: true }));
});

test('a -- before the entry ends the options', () => {
  assert.deepEqual(
    parseCommandLine(['--fresh', '--', '--odd.js', '--', 'x']),
    run('--odd.js', ['--', 'x'], { fresh: true }),
  );
});

test('values stand behind the flag or are joined by =', () => {
  const { flags } = parseCommandLine([
    '--restart-delay',
    '1s',
    '--standby=2',
    '--snapshot',
    'a=b',
    '--hold-limit',
    '5',
    'x.js',
  ]);
  assert.deepEqual(flags, { restartDelay: '1s', standby: 2, snapshot: 'a=b', holdLimit: 5 });
});

test('lists are repeatable, other options count the last time', () => {
  const { flags } = parseCommandLine(['-w', 'a', '--watch=b', '-i', '*.log', '--standby=0', '--standby=2', 'x.js']);
  assert.deepEqual(flags, { watch: ['a', 'b'], ignore: ['*.log'], standby: 2 });
});

test('booleans are turned on and off', () => {
  assert.deepEqual(parseCommandLine(['--no-overlap', '--wait-ready', '--persist', '--no-persist', 'x.js']).flags, {
    overlap: false,
    waitReady: true,
    persist: false,
  });
  assert.deepEqual(parseCommandLine(['--no-snapshot', '--no-poll', 'x.js']).flags, { snapshot: false, poll: false });
});

test('poll takes an interval only when joined', () => {
  assert.deepEqual(parseCommandLine(['--poll', 'x.js']), run('x.js', [], { poll: true }));
  assert.deepEqual(parseCommandLine(['--poll=1s', 'x.js']).flags, { poll: '1s' });
  assert.throws(() => parseCommandLine(['--poll', '500ms', 'x.js']), {
    code: 'INVALID_OPTION',
    message: /write --poll=500ms/,
  });
});

test('an address and a port may be left out, and are joined', () => {
  const resolved = (flag) => resolveOptions({ flags: parseCommandLine([flag, 'x.js']).flags, place: '' });
  assert.equal(resolved('--inspect').inspect, '127.0.0.1:9229');
  assert.equal(resolved('--inspect=9330').inspect, '127.0.0.1:9330');
  assert.equal(resolved('--inspect-brk=0.0.0.0:0').inspectBrk, '0.0.0.0:0');
  assert.equal(resolved('--ui').ui, 4242);
  assert.equal(resolved('--ui=0').ui, 0);
  assert.equal(resolved('--no-ui').ui, false);
  for (const flag of ['--inspect', '--ui']) {
    assert.throws(() => parseCommandLine([flag, '9330', 'x.js']), {
      code: 'INVALID_OPTION',
      message: `${flag} 9330: the value of ${flag} is joined to it; write ${flag}=9330`,
    });
  }
});

test('options that are passed on may look like ours', () => {
  const { flags } = parseCommandLine([
    '--exec-arg',
    '--inspect',
    '--restart-arg',
    '--watch',
    '--exec-arg=--import=tsx',
    'x.js',
  ]);
  assert.deepEqual(flags, { execArgv: ['--inspect', '--import=tsx'], restartArgs: ['--watch'] });
});

test('help and version win before the entry', () => {
  for (const flag of ['--help', '-h'])
    assert.deepEqual(parseCommandLine(['--fresh', flag, '--wtach']), { kind: 'help' });
  for (const flag of ['--version', '-v']) assert.deepEqual(parseCommandLine([flag]), { kind: 'version' });
});

test('without an entry it is left to package.json', () => {
  for (const argv of [[], ['--fresh'], ['--'], ['']]) {
    const { kind, entry, args } = parseCommandLine(argv);
    assert.deepEqual({ kind, entry, args }, { kind: 'run', entry: undefined, args: [] });
  }
});

test('an unknown flag is refused with a suggestion', () => {
  const refused = (flag, message) =>
    assert.throws(() => parseCommandLine([flag, 'x.js']), { code: 'UNKNOWN_OPTION', message });
  refused('--wtach', '--wtach: there is no such option; did you mean --watch?');
  refused('--wtach=src', '--wtach: there is no such option; did you mean --watch?');
  refused('--restartDelay', '--restartDelay: there is no such option; did you mean --restart-delay?');
  refused('--no-overlpa', '--no-overlpa: there is no such option; did you mean --no-overlap?');
  refused('--hlep', '--hlep: there is no such option; did you mean --help?');
  refused(
    '--enable-source-maps',
    '--enable-source-maps: there is no such option; an option of Node.js is passed on with --exec-arg=--enable-source-maps',
  );
  refused(
    '--env-file=.env',
    '--env-file: there is no such option; an option of Node.js is passed on with --exec-arg=--env-file=.env',
  );
  refused('-x', /^-x: there is no such option; handover --help lists them/);
  refused('--no-watch', /did you mean --watch\?/);
});

test('a missing or wrong value is refused with its flag', () => {
  const refused = (argv, message) => assert.throws(() => parseCommandLine(argv), { code: 'INVALID_OPTION', message });
  refused(['--watch'], '--watch needs a value; write --watch <path>');
  refused(
    ['-w', '--fresh', 'x.js'],
    '-w needs a value; write -w <path> (a value that begins with a dash is written -w=--fresh)',
  );
  refused(['--watch=', 'x.js'], /^--watch: expected a list of strings/);
  refused(['--exec-arg'], '--exec-arg needs a value; write --exec-arg <option>');
  refused(['--fresh=true', 'x.js'], '--fresh=true: --fresh takes no value; write --fresh or --no-fresh');
  refused(['--standby', '3', 'x.js'], '--standby: expected a whole number from 0 to 2, got 3');
  refused(['--standby', 'two', 'x.js'], '--standby: expected a whole number from 0 to 2, got "two"');
  refused(['--ready-timeout', 'soon', 'x.js'], /^--ready-timeout: expected a duration .* got "soon"/);
  refused(['--poll=0', 'x.js'], '--poll: expected a duration of at least 1 ms, got "0"');
  refused(['--poll=', 'x.js'], /^--poll: expected a duration/);
});

test('each flag sets its option', () => {
  const sample = {
    list: 'a',
    duration: '3s',
    'whole number': '2',
    file: 'f',
    interval: '3s',
    port: '0',
    address: '[::1]:1',
  };
  for (const { name, flag, kind } of OPTION_TABLE) {
    const { flags } = parseCommandLine([kind === 'boolean' ? flag : `${flag}=${sample[kind]}`, 'x.js']);
    assert.deepEqual(Object.keys(flags), [name]);
    assert.notEqual(resolveOptions({ flags, place: 'the command line' })[name], undefined);
  }
});

test('help fits 80 columns and has each option with its default', () => {
  const help = helpText();
  assert.match(help, /^Usage: handover \[options\] \[<entry> \[args\.\.\.\]\]\n/);
  assert.match(help, /\n$/);
  for (const line of help.split('\n')) assert.ok(line.length <= 80 && line === line.trimEnd(), line);
  for (const row of OPTION_TABLE) {
    assert.match(
      help,
      new RegExp(`^ .*${row.default === true ? row.flag.replace('--', '--no-') : row.flag}(?=[ [\\n]).*  \\S`, 'm'),
      row.flag,
    );
  }
  assert.match(help, /--quiesce-timeout <time>.*\n.*default: 1s/);
  assert.match(help, /^Example:\n {2}handover --watch/m);
});
