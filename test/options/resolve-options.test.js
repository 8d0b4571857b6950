import assert from 'node:assert/strict';
import path from 'node:path';
import { test } from 'node:test';
import { resolveOptions } from '../../dist/options/resolve-options.js';

const DEFAULTS = {
  watch: [],
  ignore: [],
  poll: false,
  fresh: false,
  overlap: true,
  waitReady: false,
  snapshot: undefined,
  persist: false,
  inspect: false,
  inspectBrk: false,
  ui: false,
  liveReload: false,
  execArgv: [],
  restartArgs: [],
  restartDelay: 0,
  standby: 1,
  preload: 'auto',
  readyTimeout: 10_000,
  quiesceTimeout: 1000,
  drainTimeout: 10_000,
  killTimeout: 2000,
  shutdownTimeout: 10_000,
  holdTimeout: 30_000,
  holdLimit: 1000,
  checkpointInterval: 5000,
  keys: true,
  json: false,
};

const FILE = path.resolve('/project/package.json');

const resolve = (call) => resolveOptions({ call, place: 'runPrimary()' });

test('without options there are the defaults', () => {
  assert.deepEqual(resolveOptions({ place: 'runPrimary()' }), DEFAULTS);
  assert.deepEqual(resolve({}), DEFAULTS);
});

test('undefined counts as not given', () => {
  assert.deepEqual(resolve({ watch: undefined, snapshot: undefined, standby: undefined }), DEFAULTS);
});

test('durations become milliseconds', () => {
  const options = resolve({ restartDelay: '1.5s', readyTimeout: 20, holdTimeout: '2 minutes', checkpointInterval: 0 });
  assert.equal(options.restartDelay, 1500);
  assert.equal(options.readyTimeout, 20);
  assert.equal(options.holdTimeout, 120_000);
  assert.equal(options.checkpointInterval, 0);
});

test('poll is off, 200 ms, or an interval', () => {
  assert.equal(resolve({ poll: false }).poll, false);
  assert.equal(resolve({ poll: true }).poll, 200);
  assert.equal(resolve({ poll: '1s' }).poll, 1000);
});

test('flags win over the call, over package.json, over the defaults; lists replace each other', () => {
  const options = resolveOptions({
    flags: { standby: 0, ignore: ['a'] },
    call: { standby: 2, fresh: true, ignore: ['b', 'c'] },
    packageJson: { file: FILE, options: { standby: 1, fresh: false, holdLimit: 5, ignore: ['d'] } },
    place: 'runPrimary()',
  });
  assert.deepEqual(options, { ...DEFAULTS, standby: 0, fresh: true, holdLimit: 5, ignore: ['a'] });
});

test('paths in package.json are relative to it, others stay', () => {
  const packageJson = { file: FILE, options: { watch: ['config'], snapshot: 'state.bin' } };
  const options = resolveOptions({ packageJson, place: 'runPrimary()' });
  assert.deepEqual(options.watch, [path.resolve('/project/config')]);
  assert.equal(options.snapshot, path.resolve('/project/state.bin'));
  assert.deepEqual(resolve({ watch: ['config'], snapshot: 'state.bin' }).watch, ['config']);
});

test('what was resolved can be resolved again', () => {
  const once = resolve({ poll: true, snapshot: false, restartDelay: '1s', watch: ['a'] });
  assert.deepEqual(resolveOptions({ call: once, place: 'new ProcessRestarter()' }), once);
});

test('lists are copied', () => {
  const watch = ['a'];
  const options = resolve({ watch });
  watch.push('b');
  assert.deepEqual(options.watch, ['a']);
  resolve({}).ignore.push('x');
  assert.deepEqual(resolve({}).ignore, []);
});

test('an unknown name is refused with its place and a suggestion', () => {
  const message = (sources) => {
    try {
      resolveOptions({ place: 'runPrimary()', ...sources });
    } catch (error) {
      assert.equal(error.name, 'HandoverError');
      assert.equal(error.code, 'UNKNOWN_OPTION');
      return error.message;
    }
    return undefined;
  };
  assert.equal(message({ call: { wtach: [] } }), 'runPrimary(): wtach: there is no such option; did you mean watch?');
  assert.equal(
    message({ packageJson: { file: FILE, options: { 'restart-delay': 5 } } }),
    `"handover" in ${FILE}: restart-delay: there is no such option; did you mean restartDelay?`,
  );
  assert.match(message({ call: { port: 3000 } }), /there is no such option; there are watch, ignore, poll/);
  assert.match(
    message({ packageJson: { file: FILE, options: JSON.parse('{"__proto__": 1}') } }),
    /__proto__: there is no such option/,
  );
});

test('a wrong value is refused with its place and what is expected', () => {
  const wrong = [
    [{ watch: 'src' }, 'watch: expected a list of strings such as ["one", "two"], got "src"'],
    [{ ignore: [1] }, 'ignore: expected a list of strings such as ["one", "two"], got [ 1 ]'],
    [{ watch: [''] }, 'watch: expected a list of strings such as ["one", "two"], got [ \'\' ]'],
    [{ fresh: 'yes' }, 'fresh: expected true or false, got "yes"'],
    [{ overlap: null }, 'overlap: expected true or false, got null'],
    [{ preload: 'all' }, 'preload: expected "auto", "prefix", a list of modules, or false, got "all"'],
    [{ preload: true }, 'preload: expected "auto", "prefix", a list of modules, or false, got true'],
    [{ standby: 3 }, 'standby: expected a whole number from 0 to 2, got 3'],
    [{ standby: '1' }, 'standby: expected a whole number from 0 to 2, got "1"'],
    [{ standby: NaN }, 'standby: expected a whole number from 0 to 2, got NaN'],
    [{ standby: 1n }, 'standby: expected a whole number from 0 to 2, got 1n'],
    [{ holdLimit: 1.5 }, 'holdLimit: expected a whole number, at least 0, got 1.5'],
    [{ holdLimit: -1 }, 'holdLimit: expected a whole number, at least 0, got -1'],
    [{ poll: 0 }, 'poll: expected a duration of at least 1 ms, got 0'],
    [{ poll: '0' }, 'poll: expected a duration of at least 1 ms, got "0"'],
    [{ poll: null }, 'poll: expected a duration such as 500, "500ms" or "8s", got null'],
    [{ readyTimeout: 0 }, 'readyTimeout: expected a duration of at least 1 ms, got 0'],
    [{ restartDelay: {} }, 'restartDelay: expected a duration such as 500, "500ms" or "8s", got {}'],
    [{ snapshot: true }, 'snapshot: expected the path of a file, or false, got true'],
    [{ snapshot: '' }, 'snapshot: expected the path of a file, or false, got ""'],
  ];
  for (const [call, message] of wrong) {
    assert.throws(() => resolve(call), { code: 'INVALID_OPTION', message: `runPrimary(): ${message}` });
  }
  for (const call of [{ poll: -1 }, { drainTimeout: 'soon' }, { killTimeout: Infinity }, { holdTimeout: '30 days' }]) {
    assert.throws(() => resolve(call), {
      code: 'INVALID_OPTION',
      message: /^runPrimary\(\): \w+: expected a duration such as/,
    });
  }
});

test('the place of a wrong value is its flag or the package.json', () => {
  assert.throws(() => resolveOptions({ flags: { standby: 9 }, place: 'the command line' }), {
    message: /^--standby: expected/,
  });
  const packageJson = { file: FILE, options: { fresh: 1 } };
  const place = { message: `"handover" in ${FILE}: fresh: expected true or false, got 1` };
  assert.throws(() => resolveOptions({ packageJson, place: 'x' }), place);
  // also when something nearer overrides it
  assert.throws(() => resolveOptions({ packageJson, flags: { fresh: true }, place: 'x' }), place);
});

test('options that are no object are refused', () => {
  for (const call of ['src', null, ['src'], 5]) {
    assert.throws(() => resolve(call), {
      code: 'INVALID_OPTION',
      message: /^runPrimary\(\): expected an object of options, got/,
    });
  }
});

test('options that contradict each other are refused with both places', () => {
  assert.throws(
    () =>
      resolveOptions({
        flags: { snapshot: false },
        packageJson: { file: FILE, options: { persist: true } },
        place: 'x',
      }),
    {
      code: 'INVALID_OPTION',
      message: `"handover" in ${FILE}: persist (true) keeps the snapshot that --snapshot (false) turns off; set persist to false (--no-persist) or give snapshot a file`,
    },
  );
  assert.equal(resolve({ snapshot: false, persist: false }).snapshot, false);
});
