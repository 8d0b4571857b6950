import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readdir, readFile, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { test } from 'node:test';
import { registerClass } from '../../dist/state/class-registry.js';
import { decodeSnapshot } from '../../dist/state/snapshot-format.js';
import { StateSerializer } from '../../dist/state/state-serializer.js';
import { Process } from '../helpers/process.js';
import { hurried, lockedByAnother, temporaryFolder } from './folder.js';

async function setUp(t, options) {
  const folder = await temporaryFolder(t);
  const file = path.join(folder, 'state');
  return { folder, file, serializer: new StateSerializer({ file, ...options }), names: () => readdir(folder) };
}

/** What is warned of until the returned function is called. */
function warnings(t) {
  const seen = [];
  const note = (warning) => seen.push(warning);
  process.on('warning', note);
  t.after(() => process.off('warning', note));
  return async () => {
    const last = once(process, 'warning');
    process.emitWarning('the last one', 'TestWarning');
    await last;
    return seen.filter(({ name }) => name === 'HandoverWarning' || name === 'HandoverError');
  };
}

test('what is saved is loaded, until it is cleaned up', async (t) => {
  const { serializer, names } = await setUp(t);
  const warned = warnings(t);
  assert.equal(await serializer.loadRestartState(), null);
  const user = { name: 'Ada', at: new Date(5) };
  const before = Date.now();
  assert.equal(await serializer.saveRestartState({ users: new Map([['a', user]]) }, [1, user], { port: 3000 }), true);
  for (let time = 0; time < 2; time++) {
    const { savedAt, ...state } = await serializer.loadRestartState();
    assert.deepEqual(state, {
      selfState: { users: new Map([['a', user]]) },
      eventQueue: [1, user],
      config: { port: 3000 },
    });
    assert.ok(savedAt >= before && savedAt <= Date.now());
  }
  await serializer.cleanupRestartState();
  assert.equal(await serializer.loadRestartState(), null);
  await serializer.cleanupRestartState();
  assert.deepEqual(await names(), []);
  assert.deepEqual(await warned(), []);
});

test('a later save replaces an earlier one', async (t) => {
  const { serializer, names } = await setUp(t);
  await serializer.saveRestartState('one', [], {});
  assert.equal(await serializer.saveRestartState('two', undefined, null), true);
  const { selfState, eventQueue, config } = await serializer.loadRestartState();
  assert.deepEqual([selfState, eventQueue, config], ['two', undefined, null]);
  assert.deepEqual(await names(), ['state']);
});

test('another process loads it', async (t) => {
  const { file, serializer } = await setUp(t);
  await serializer.saveRestartState(new Map([['a', 5n]]), [], {});
  const module = import.meta.resolve('../../dist/state/state-serializer.js');
  const other = Process.node([
    '--input-type=module',
    '-e',
    `import { StateSerializer } from ${JSON.stringify(module)};
     const { selfState } = await new StateSerializer({ file: ${JSON.stringify(file)} }).loadRestartState();
     console.log(selfState.get('a') === 5n ? 'loaded' : selfState);`,
  ]);
  await other.printed(/^loaded$/m);
});

test('the file is its owner’s and says of which version of the app it is', async (t) => {
  const { file, serializer } = await setUp(t, { appVersion: '7.0.0' });
  await serializer.saveRestartState(1, 2, 3);
  assert.equal(decodeSnapshot(await readFile(file)).appVersion, '7.0.0');
  if (process.platform !== 'win32') assert.equal((await stat(file)).mode & 0o777, 0o600);
});

test('without a file it lies in the cache folder of the program’s package, beside the snapshot', async (t) => {
  const folder = await temporaryFolder(t);
  await writeFile(path.join(folder, 'package.json'), '{ "name": "app", "version": "3.2.1" }');
  const module = import.meta.resolve('../../dist/state/state-serializer.js');
  const program = path.join(folder, 'app.mjs');
  await writeFile(
    program,
    `import { StateSerializer } from ${JSON.stringify(module)};
     console.log(await new StateSerializer().saveRestartState(1, 2, 3));`,
  );
  await Process.node([program]).printed(/^true$/m);
  const cache = path.join(folder, 'node_modules', '.cache', 'handover');
  const [name, ...others] = await readdir(cache);
  assert.match(name, /^app-[0-9a-f]{8}\.snapshot\.restart$/);
  assert.deepEqual(others, []);
  assert.equal(decodeSnapshot(await readFile(path.join(cache, name))).appVersion, '3.2.1');
});

test('what cannot be carried is named in warnings, and all else is saved', async (t) => {
  class Socket {}
  const { serializer } = await setUp(t);
  const warned = warnings(t);
  const selfState = { users: new Map([['a', { socket: new Socket(), name: 'Ada' }]]) };
  assert.equal(await serializer.saveRestartState(selfState, [() => {}, 1], new Socket()), true);
  assert.deepEqual(
    (await warned()).map(({ message }) => message),
    [
      "not saved: selfState.users.get('a').socket: Socket",
      'not saved: eventQueue[0]: function',
      'not saved: config: Socket',
    ],
  );
  const loaded = await serializer.loadRestartState();
  assert.deepEqual(loaded.selfState, { users: new Map([['a', { socket: undefined, name: 'Ada' }]]) });
  assert.deepEqual(loaded.eventQueue, [undefined, 1]);
  assert.equal(loaded.config, undefined);
});

test('a place that cannot be written is a warning that names it, and false', async (t) => {
  const { file, names } = await setUp(t);
  await writeFile(file, 'a file, not a folder');
  const serializer = new StateSerializer({ file: path.join(file, 'state') });
  const warned = warnings(t);
  assert.equal(await serializer.saveRestartState(1, 2, 3), false);
  const [warning, ...others] = await warned();
  assert.equal(warning.code, 'SNAPSHOT_UNWRITABLE');
  assert.ok(warning.message.includes(path.join(file, 'state')));
  assert.deepEqual(others, []);
  assert.equal(await serializer.loadRestartState(), null);
  assert.deepEqual(await names(), ['state']);
});

test('when a save fails the file is as it was', async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const { file, serializer, names } = await setUp(t);
  await serializer.saveRestartState('first', [], {});
  await lockedByAnother(file);
  const warned = warnings(t);
  assert.equal(await hurried(t, serializer.saveRestartState('second', [], {})), false);
  assert.deepEqual(
    (await warned()).map(({ code }) => code),
    ['SNAPSHOT_UNWRITABLE'],
  );
  assert.equal((await serializer.loadRestartState()).selfState, 'first');
  assert.deepEqual(await names(), ['state', 'state.lock']);
});

test('a damaged file is set aside with a warning, and nothing is loaded', async (t) => {
  const { file, serializer, names } = await setUp(t);
  await serializer.saveRestartState({ a: 1 }, [], {});
  const bytes = await readFile(file);
  bytes[bytes.length - 1] ^= 1;
  await writeFile(file, bytes);
  const warned = warnings(t);
  assert.equal(await serializer.loadRestartState(), null);
  const [warning, ...others] = await warned();
  assert.equal(warning.code, 'SNAPSHOT_REJECTED');
  assert.ok(warning.message.includes(`${file}.rejected`));
  assert.deepEqual(others, []);
  assert.deepEqual(await names(), ['state.rejected']);
  assert.deepEqual(await readFile(`${file}.rejected`), bytes);
  assert.equal(await serializer.saveRestartState({ a: 2 }, [], {}), true);
  assert.deepEqual((await serializer.loadRestartState()).selfState, { a: 2 });
});

test('a state with a class that is not registered any more is set aside with a warning that names it', async (t) => {
  class Point {}
  registerClass(Point, { name: 'Point before', encode: () => 1, decode: () => new Point() });
  const { file, serializer, names } = await setUp(t);
  await serializer.saveRestartState(new Point(), [], {});
  assert.ok((await serializer.loadRestartState()).selfState instanceof Point);
  const module = import.meta.resolve('../../dist/state/state-serializer.js');
  const other = Process.node([
    '--input-type=module',
    '-e',
    `import { StateSerializer } from ${JSON.stringify(module)};
     process.on('warning', ({ code, message }) => console.log(code, message));
     console.log(await new StateSerializer({ file: ${JSON.stringify(file)} }).loadRestartState());`,
  ]);
  await other.exited;
  assert.match(other.stdout, /^STATE_REJECTED .*Point before/m);
  assert.match(other.stdout, /^null$/m);
  assert.deepEqual(await names(), ['state.rejected']);
});

test('a file that is no path is refused', () => {
  for (const file of ['', 5, null, {}]) {
    assert.throws(() => new StateSerializer({ file }), {
      code: 'INVALID_OPTION',
      message: `new StateSerializer(): expected file to be a path, got ${JSON.stringify(file)}`,
    });
  }
});
