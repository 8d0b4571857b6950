import assert from 'node:assert/strict';
import { channel, Channel, subscribe } from 'node:diagnostics_channel';
import fs from 'node:fs';
import http from 'node:http';
import os from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
import { withChannelRecord } from '../../../dist/worker/preload/channel-record.js';
import { changedVariables, withEnvRecord } from '../../../dist/worker/preload/env-record.js';
import { contentOf, watchFileReads, withFileRecord } from '../../../dist/worker/preload/file-record.js';
import { withMissingGlobals } from '../../../dist/worker/preload/missing-globals.js';
import { ObjectRecord } from '../../../dist/worker/preload/object-record.js';
import { withEventRecord } from '../../../dist/worker/preload/process-record.js';
import { World } from '../../../dist/worker/preload/world.js';

const world = new World();

/** The changes that `task` makes, undone by what it returns. */
function changesOf(task) {
  world.update();
  const undo = task();
  const changes = world.update();
  undo();
  world.update();
  return changes;
}

test('nothing has changed', () => {
  assert.deepEqual(world.update(), []);
});

test('a global that Node loads when it is first read is no change', () => {
  assert.equal(typeof globalThis.crypto.subtle, 'object');
  assert.equal(typeof globalThis.Blob, 'function');
  assert.deepEqual(world.update(), []);
});

test('a new global', () => {
  const changes = changesOf(() => {
    globalThis.fresh = 1;
    return () => delete globalThis.fresh;
  });
  assert.deepEqual(changes, [{ owner: 'globalThis', name: 'fresh', isNew: true }]);
});

test('an overwritten global', () => {
  const { fetch } = globalThis;
  const changes = changesOf(() => {
    globalThis.fetch = () => {};
    return () => (globalThis.fetch = fetch);
  });
  assert.deepEqual(changes, [{ owner: 'globalThis', name: 'fetch', isNew: false }]);
});

test('a frozen prototype', () => {
  class Shared {
    method() {}
  }
  const record = new ObjectRecord([[Shared.prototype, 'Shared.prototype']]);
  Object.freeze(Shared.prototype);
  assert.deepEqual(record.update(), [{ owner: 'Shared.prototype', name: undefined, isNew: false }]);
  assert.deepEqual(record.update(), []);
});

test('an extended prototype, and one that overrides what it inherits', () => {
  const changes = changesOf(() => {
    const { prototype } = BigInt;
    prototype.toJSON = String;
    process.emit = process.emit.bind(process);
    return () => {
      delete prototype.toJSON;
      delete process.emit;
    };
  });
  assert.deepEqual(changes, [
    { owner: 'BigInt.prototype', name: 'toJSON', isNew: true },
    { owner: 'process', name: 'emit', isNew: false },
  ]);
});

test('an instrumented built-in module', () => {
  const { request } = http;
  const changes = changesOf(() => {
    http.request = () => {};
    return () => (http.request = request);
  });
  assert.deepEqual(changes, [{ owner: 'node:http', name: 'request', isNew: false }]);
});

test('variables that are read, asked for, or listed', async () => {
  process.env.HANDOVER_A = '1';
  const { names, enumerated } = await withEnvRecord([], async () => {
    void process.env.HANDOVER_A;
    void ('HANDOVER_B' in process.env);
  });
  assert.deepEqual([...names], ['HANDOVER_A', 'HANDOVER_B']);
  assert.equal(enumerated, false);
  const listed = await withEnvRecord([], async () => void Object.keys(process.env));
  assert.equal(listed.enumerated, true);
  delete process.env.HANDOVER_A;
});

test('an announced variable shows among the names, and is read only by who picks it', async () => {
  const pick = (pattern) =>
    withEnvRecord(['HANDOVER_DEBUG'], async () => {
      for (const name of Object.keys(process.env)) if (pattern.test(name)) void process.env[name];
    });
  assert.ok((await pick(/^HANDOVER_/)).names.has('HANDOVER_DEBUG'));
  assert.equal((await pick(/^OTHER_/)).names.size, 0);
  assert.equal('HANDOVER_DEBUG' in process.env, false);
});

test('a reference to the environment that was taken meanwhile goes on with the real one', async () => {
  let taken;
  const { names } = await withEnvRecord(['HANDOVER_C'], async () => (taken = process.env));
  process.env.HANDOVER_D = 'later';
  assert.equal(taken.HANDOVER_D, 'later');
  assert.equal(Object.keys(taken).includes('HANDOVER_C'), false);
  assert.equal(names.has('HANDOVER_D'), false);
  delete process.env.HANDOVER_D;
});

test('changed variables are those that came, went, or differ', () => {
  assert.deepEqual(changedVariables({ A: '1', B: '1', C: '1' }, { A: '1', B: '2', D: '1' }).sort(), ['B', 'C', 'D']);
});

test('globals that are looked up in vain', async () => {
  const { missing, enumerated } = await withMissingGlobals(async () => {
    void typeof someGlobalThatIsMissing;
    void globalThis.another;
    void fetch;
  });
  assert.ok(missing.has('someGlobalThatIsMissing') && missing.has('another'));
  assert.equal(missing.has('fetch'), false);
  assert.equal(enumerated, false);
});

test('globals that are listed', async () => {
  const { enumerated } = await withMissingGlobals(async () => {
    for (const name in globalThis) void name;
  });
  assert.equal(enumerated, true);
});

test('events of process', async () => {
  const { on } = process;
  const { names, isOfAll } = await withEventRecord(async () => {
    process.emit('emitted');
    process.removeAllListeners('removed');
  });
  assert.deepEqual([...names], ['emitted', 'removed']);
  assert.equal(isOfAll, false);
  assert.equal(process.on, on);
  assert.equal((await withEventRecord(async () => void process.eventNames())).isOfAll, true);
});

test('what a dependency puts in the place of a method of process stays', async () => {
  const emit = () => true;
  await withEventRecord(async () => void (process.emit = emit));
  assert.equal(process.emit, emit);
  delete process.emit;
});

test('channels that are asked for subscribers, published on or subscribed to', async () => {
  const before = Object.getOwnPropertyDescriptors(Channel.prototype);
  const { asked, subscribed } = await withChannelRecord(async () => {
    void channel('asked').hasSubscribers;
    channel('published').publish('message');
    subscribe('subscribed', () => {});
    channel('only made');
  });
  assert.deepEqual([...asked], ['asked', 'published']);
  assert.deepEqual([...subscribed], ['subscribed']);
  assert.deepEqual(Object.getOwnPropertyDescriptors(Channel.prototype), before);
});

test('files that are read and folders that are listed, but not what is opened to be written', async (t) => {
  watchFileReads();
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'handover-files-'));
  t.after(() => fs.rmSync(folder, { recursive: true }));
  const file = path.join(folder, 'file');
  const log = path.join(folder, 'log');
  const reads = await withFileRecord(async () => {
    fs.existsSync(file);
    fs.readdirSync(folder);
    fs.closeSync(fs.openSync(log, 'a'));
  });
  const listed = folder + path.sep;
  assert.deepEqual([...reads.keys()], [file, listed]);
  assert.equal(contentOf(listed), reads.get(listed));
  fs.writeFileSync(file, 'new');
  assert.notEqual(contentOf(file), reads.get(file));
  assert.notEqual(contentOf(listed), reads.get(listed));
});
