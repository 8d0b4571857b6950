import assert from 'node:assert/strict';
import { EventEmitter } from 'node:events';
import { test } from 'node:test';
import { Standbys } from '../../dist/primary/standbys.js';
import { PreloadPlan } from '../../dist/primary/preload-plan.js';
import { LoadedModules } from '../../dist/watch/loaded-modules.js';

/** A worker that does what it is told, once it has booted. */
class Worker extends EventEmitter {
  isBooted = false;
  isRetired = false;
  loaded = new LoadedModules();
  told = [];
  #boot = Promise.withResolvers?.() ?? resolvers();

  boot() {
    this.isBooted = true;
    this.#boot.resolve();
  }

  send({ type }) {
    this.told.push(type);
  }

  async waitFor([type]) {
    await this.#boot.promise;
    return { type };
  }

  discard() {
    this.isRetired = true;
  }
}

function resolvers() {
  const all = {};
  all.promise = new Promise((resolve, reject) => Object.assign(all, { resolve, reject }));
  return all;
}

function standbysOf(size) {
  const workers = [];
  const warm = [];
  const fork = () => workers[workers.push(new Worker()) - 1];
  const plan = new PreloadPlan('auto', '/app/main.js');
  const runtime = () => ({ typescript: [], api: false });
  const onWarm = (worker) => warm.push(worker);
  const tell = () => assert.fail('there is nothing to be told');
  const onWarming = () => {};
  return {
    workers,
    warm,
    standbys: new Standbys({ fork, size, plan, restartArgs: [], runtime, onWarm, onWarming, tell }),
  };
}

test('one that was given back is the next to be taken', () => {
  const { workers, standbys } = standbysOf(1);
  standbys.fill();
  const first = standbys.take();
  standbys.fill();
  standbys.giveBack(first);
  assert.equal(standbys.take(), first);
  assert.equal(workers.length, 2);
});

test('one that was given back before it had booted is warmed, and no other is started', async () => {
  const { workers, warm, standbys } = standbysOf(1);
  standbys.giveBack(standbys.take());
  standbys.fill();
  workers[0].boot();
  await standbys.warmed();
  assert.deepEqual(warm, workers);
  assert.equal(workers.length, 1);
});

test('one that has ended or was discarded is not taken back', () => {
  for (const end of [(worker) => (worker.exit = { code: 1, signal: null }), (worker) => worker.discard()]) {
    const { workers, standbys } = standbysOf(1);
    const one = standbys.take();
    end(workers[0]);
    standbys.giveBack(one);
    assert.notEqual(standbys.take(), one);
  }
});

test('warmed() waits until the next one is warm', async () => {
  const { workers, warm, standbys } = standbysOf(1);
  standbys.fill();
  const warmed = standbys.warmed();
  assert.deepEqual(warm, []);
  workers[0].boot();
  await warmed;
  assert.deepEqual(warm, workers);
});
