import assert from 'node:assert/strict';
import { test } from 'node:test';
import { HandoverError } from 'handover';
import { OPTION_TABLE } from '../../dist/options/option-table.js';
import { parseCommandLine } from '../../dist/options/command-line.js';
import { resolveOptions } from '../../dist/options/resolve-options.js';
import { seeded } from '../state/generated.js';

const FILE = '/project/package.json';

/** What no option of that kind takes, besides its range. */
const WRONG = {
  list: ['text', 7, true, {}, [1], [''], [null], () => {}],
  boolean: ['true', 1, 0, null, {}, []],
  duration: ['soon', '', ' ', '5 parsecs', -1, NaN, Infinity, 2 ** 31, '30 days', true, null, {}, [], 5n],
  'whole number': ['1', '', 1.5, -1, NaN, Infinity, 2 ** 53, true, null, {}, [], 1n],
  interval: ['soon', '', -1, NaN, Infinity, 2 ** 31, null, {}, [], 5n],
  file: ['', true, 7, null, {}, []],
  port: ['4242', '', 1.5, -1, 65_536, NaN, null, {}, [], 1n],
  address: ['host', 'host:', ':9229', '127.0.0.1:65536', 'a b:9229', '', 1.5, -1, 65_536, NaN, null, {}, [], 1n],
  preload: ['all', '', true, 7, null, {}, [1], ['']],
};

const below = ({ min }) => (min > 0 ? [min - 1] : []);
const above = ({ max }) => (max === undefined ? [] : [max + 1]);

for (const row of OPTION_TABLE) {
  test(`${row.name}: every wrong value is refused by its place, with the value and what is expected`, () => {
    for (const value of [...WRONG[row.kind], ...below(row), ...above(row)]) {
      const places = {
        call: `runPrimary(): ${row.name}: expected `,
        packageJson: `"handover" in ${FILE}: ${row.name}: expected `,
        flags: `${row.flag}: expected `,
      };
      for (const [source, begin] of Object.entries(places)) {
        const options = { [row.name]: value };
        const given = source === 'packageJson' ? { file: FILE, options } : options;
        assert.throws(
          () => resolveOptions({ [source]: given, place: 'runPrimary()' }),
          (error) => {
            assert.ok(error instanceof HandoverError, String(error));
            assert.equal(error.code, 'INVALID_OPTION');
            assert.ok(error.message.startsWith(begin), error.message);
            assert.match(error.message, /, got ./);
            return true;
          },
        );
      }
    }
  });

  test(`${row.flag}: a value that is missing or wrong is refused on the command line`, () => {
    const wrong = row.kind === 'boolean' ? [[`${row.flag}=yes`]] : [[`${row.flag}=`]];
    if (row.value && !row.value.startsWith('[')) wrong.push([row.flag]);
    if (row.kind === 'duration') wrong.push([row.flag, 'soon'], [`${row.flag}=-1`]);
    if (row.kind === 'whole number') wrong.push([row.flag, 'many'], [row.flag, '1.5'], [`${row.flag}=-1`]);
    for (const argv of wrong) {
      assert.throws(
        () => parseCommandLine([...argv]),
        (error) => {
          assert.ok(error instanceof HandoverError, `${argv}: ${error}`);
          assert.equal(error.code, 'INVALID_OPTION');
          assert.ok(error.message.startsWith(row.flag), error.message);
          return true;
        },
      );
    }
  });
}

/** How often. SEED: the first, to see one again. */
const ROUNDS = Number(process.env.ROUNDS ?? 20_000);
const FIRST = Number(process.env.SEED ?? 1);

function eachRound(round) {
  for (let seed = FIRST; seed < FIRST + ROUNDS; seed++) {
    const random = seeded(seed);
    const upTo = (limit) => Math.floor(random() * limit);
    try {
      round(upTo);
    } catch (error) {
      if (error instanceof HandoverError) {
        assert.match(error.code, /^(INVALID_OPTION|UNKNOWN_OPTION|ENTRY_MISSING)$/);
        assert.ok(error.message.length < 1000, error.message);
      } else {
        error.message = `SEED=${seed} ROUNDS=1: ${error.message}`;
        throw error;
      }
    }
  }
}

const NAMES = [...OPTION_TABLE.map(({ name }) => name), '__proto__', 'constructor', 'toString', 'wtach', ''];
const VALUES = [
  ...new Set(Object.values(WRONG).flat()),
  '5s',
  5,
  false,
  'auto',
  ['a'],
  Object.create(null),
  Symbol('s'),
];

test(`${ROUNDS} objects of any options with any values are resolved or refused`, () => {
  eachRound((upTo) => {
    const some = () =>
      Object.fromEntries(
        Array.from({ length: upTo(4) }, () => [NAMES[upTo(NAMES.length)], VALUES[upTo(VALUES.length)]]),
      );
    const options = resolveOptions({
      call: upTo(9) === 0 ? VALUES[upTo(VALUES.length)] : some(),
      packageJson: { file: FILE, options: some() },
      flags: some(),
      place: 'runPrimary()',
    });
    assert.deepEqual(
      Object.keys(options),
      OPTION_TABLE.map(({ name }) => name),
    );
  });
});

const WORDS = [
  ...OPTION_TABLE.flatMap(({ flag, short = '-x' }) => [
    flag,
    short,
    flag.replace('--', '--no-'),
    `${flag}=`,
    flag.slice(0, -1),
  ]),
  ...[
    '-',
    '--',
    '---',
    '-=',
    '--=x',
    '=',
    '',
    ' ',
    '\0',
    '1',
    '5s',
    '-1',
    'auto',
    'server.js',
    '--inspect',
    '-h',
    '😀',
    '--__proto__',
  ],
];

test(`${ROUNDS} command lines of any words are read or refused`, () => {
  eachRound((upTo) => {
    const argv = Array.from({ length: upTo(6) }, () => {
      const word = WORDS[upTo(WORDS.length)];
      return upTo(3) === 0 ? word + WORDS[upTo(WORDS.length)] : word;
    });
    const command = parseCommandLine(argv);
    if (command.kind === 'run') {
      assert.notEqual(command.entry, '');
      resolveOptions({ flags: command.flags, place: 'the command line' });
    }
  });
});
