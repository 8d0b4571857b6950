import assert from 'node:assert/strict';
import { Listener } from '../../dist/primary/listener.js';
import { PreloadPlan } from '../../dist/primary/preload-plan.js';
import { RestartLoop } from '../../dist/primary/restart-loop.js';
import { Retirements } from '../../dist/primary/retirements.js';
import { Router } from '../../dist/primary/router.js';
import { Standbys } from '../../dist/primary/standbys.js';
import { StateStore } from '../../dist/primary/state-store.js';
import { WorkerHandle } from '../../dist/primary/worker-handle.js';
import { Connection } from './connection.js';
import { Random } from './random.js';
import { VirtualTime } from './virtual-time.js';
import { WorkerProcess } from './worker-process.js';

/** How long things are done to it, in milliseconds. */
const DURATION = 1500;

const OPTIONS = {
  restartArgs: [],
  waitReady: false,
  readyTimeout: 5000,
  quiesceTimeout: 1000,
  drainTimeout: 3000,
  shutdownTimeout: 1000,
  killTimeout: 500,
  checkpointInterval: 200,
  restartDelay: 0,
};

/** What becomes of a version of the app, and how often. */
const KINDS = ['good', 'good', 'good', 'good', 'slow', 'late', 'broken', 'hanging'];

/** What is on the disk: version 1 is good. */
class Disk {
  version = 1;
  #kinds = ['', 'good'];

  save(kind) {
    this.version++;
    this.#kinds[this.version] = kind;
  }

  kindOf(version) {
    return this.#kinds[version];
  }

  isGood(version) {
    return ['good', 'slow', 'late'].includes(this.kindOf(version));
  }
}

/** Clients that each send a request after the other on a connection, and note what becomes of each. */
class Client {
  /** Number of each request → how often it was answered. */
  answers = new Map();
  /** Requests on connections that were closed meanwhile. */
  cut = [];
  #world;
  #waiting = new Map();

  constructor(world) {
    this.#world = world;
  }

  get unanswered() {
    return [...this.#waiting.keys()];
  }

  connect(requests) {
    const connection = new Connection(this.#world.nextId(), this);
    const send = () => {
      if (connection.isCut) return;
      const number = this.#world.nextId();
      this.answers.set(number, 0);
      this.#waiting.set(number, { connection, next: --requests > 0 ? send : undefined });
      connection.send(number);
    };
    this.#world.trace('connect', connection.id);
    this.#world.accept(connection.handle());
    this.#world.later(send);
  }

  onAnswer(number, worker) {
    this.#world.trace('answer', `${number} by ${worker.pid}`);
    const request = this.#waiting.get(number);
    this.answers.set(number, this.answers.get(number) + 1);
    assert.equal(this.answers.get(number), 1, `request ${number} was answered again, by worker ${worker.pid}`);
    this.#waiting.delete(number);
    if (request.next) this.#world.later(request.next, this.#world.random.between(0, 300));
  }

  onCut(connection) {
    for (const [number, request] of this.#waiting) {
      if (request.connection !== connection) continue;
      this.#waiting.delete(number);
      this.cut.push({ number, connection });
      this.#world.onCut(connection);
    }
  }
}

/**
 * One run of the real loop, handovers, standby and router with modelled workers and clients: what happens when, and what
 * fails, is chosen by the seed. Throws when something has happened that must not.
 */
export async function runSchedule(seed) {
  const time = new VirtualTime();
  await time.use(() => new Schedule(seed, time).run());
}

class Schedule {
  time;
  random;
  app;
  disk = new Disk();
  client = new Client(this);
  #options;
  #router;
  #loop;
  #retirements;
  #standbys;
  #store;
  #processes = [];
  #accept;
  #ids = 0;
  /** What the workers have sent of their state, as far as it was sent whole. */
  #states = new Set();
  #hasServed = false;
  #hasFault = false;
  /** Workers that were killed before they could serve: a save is tried again once. */
  #lostStarts = 0;
  #deaths = 0;
  #isStopped = false;
  #mayBeCut = new Set();
  #failures = [];

  constructor(seed, time) {
    this.time = time;
    const random = (this.random = new Random(seed));
    this.app = { keeps: random.chance(0.7) };
    this.#options = { ...OPTIONS, overlap: random.chance(0.85), fresh: random.chance(0.25) };
    this.#router = new Router({
      holdTimeout: 30_000,
      holdLimit: 1000,
      reason: () => '',
      createListener: (id, query) => this.#listener(id, query),
    });
    this.#store = new StateStore({
      file: false,
      isChosen: false,
      persist: false,
      interval: 1000,
      appVersion: '',
      saveState: undefined,
      loadState: undefined,
      warn() {},
    });
    this.#standbys = new Standbys({
      fork: () => this.#fork(),
      size: random.of([0, 1, 1, 1, 2]),
      plan: new PreloadPlan(false, '/app/main.js'),
      restartArgs: [],
      runtime: () => ({ typescript: [], api: false }),
      onWarm() {},
      onWarming() {},
      tell() {},
    });
    const emit = (event, detail) => this.trace(event, detail);
    this.#retirements = new Retirements({ timeouts: this.#options, emit });
    this.#loop = new RestartLoop({
      options: this.#options,
      exec: '/app/main.js',
      router: this.#router,
      retirements: this.#retirements,
      store: this.#store,
      workers: {
        take: ({ isCold }) => (isCold ? this.#standbys.takeCold() : this.#standbys.take()),
        warmed: () => this.#standbys.warmed(),
        giveBack: (one) => this.#standbys.giveBack(one),
        fillStandby: () => this.#standbys.fill(),
        changedImports: () => ({}),
        setServing() {},
        exclude() {},
      },
      emit,
      onFiles() {},
    });
  }

  async run() {
    const { random } = this;
    this.#standbys.fill();
    this.#spawn(this.#loop.request([]));
    for (let saves = random.whole(1, 5); saves > 0; saves--) this.#sometime(() => this.#save(random.of(KINDS)));
    for (let clients = random.whole(1, 8); clients > 0; clients--) {
      this.#sometime(() => this.#accept && this.client.connect(random.whole(1, 5)));
    }
    if (random.chance(0.3)) this.#sometime(() => this.#killOne());
    if (random.chance(0.1)) this.#sometime(() => this.#killOne());
    if (random.chance(0.1)) this.#sometime(() => this.#blockOne());
    const stopsEarly = random.chance(0.1);
    if (stopsEarly) this.#sometime(() => this.#spawn(this.#stop()));
    await this.time.run();
    if (!stopsEarly) {
      this.#check();
      this.#spawn(this.#stop());
      await this.time.run();
    }
    const left = this.#processes.filter(({ isDead }) => !isDead);
    assert.deepEqual(
      left.map(({ pid, state }) => `${pid} ${state}`),
      [],
      'no process is left after the stop',
    );
    if (this.#failures.length > 0) throw this.#failures[0];
  }

  /** TRACE=1 tells what happens when. */
  trace(event, detail = '') {
    if (process.env.TRACE) console.log(this.time.now.toFixed(1), event, detail);
  }

  /** Calls back a little later, or after `ms` milliseconds. */
  later(callback, ms = this.random.delay()) {
    this.time.after(ms, () => {
      try {
        callback();
      } catch (error) {
        this.#failures.push(error);
      }
    });
  }

  nextId() {
    return ++this.#ids;
  }

  /** A client has connected. */
  accept(handle) {
    // A first generation is given connections as soon as it listens: they are its own, whatever becomes of it.
    if (!this.#hasServed) this.#mayBeCut.add(handle.connection);
    this.#accept(handle);
  }

  noteState(applied) {
    const text = JSON.stringify(applied);
    this.#states.add(text);
    return Buffer.from(text);
  }

  stateOf(bytes) {
    const text = String(bytes);
    this.#expect(this.#states.has(text), `state that no generation has sent arrived: ${text}`);
    return JSON.parse(text);
  }

  onCommit(worker) {
    this.#hasServed = true;
    this.#expect(worker.hasSaidReady, `worker ${worker.pid} serves, and has not said that it is ready`);
    if (!this.app.keeps) return;
    const others = this.#processes.filter((other) => other !== worker && !other.isDead && !other.isStuck);
    for (const { pid, state } of others) {
      this.#expect(state !== 'serving', `worker ${worker.pid} serves while worker ${pid} does`);
    }
  }

  onDeath(worker, connections) {
    this.#deaths++;
    if (!this.#hasFault && !this.#isStopped) return;
    for (const connection of connections) this.#mayBeCut.add(connection);
  }

  onCut(connection) {
    // It was held as long as a hold may last, and nothing serves.
    if (!this.#loop.serving) this.#mayBeCut.add(connection);
  }

  #listener(id, query) {
    const listener = new Listener(id, query);
    listener.name = { address: '127.0.0.1', family: 'IPv4', port: query.port };
    return Object.assign(listener, {
      bind: async (onConnection) => {
        this.#accept = onConnection;
        return 0;
      },
      restore: async () => 0,
      close: () => (this.#accept = undefined),
    });
  }

  #fork() {
    const child = new WorkerProcess(this.#processes.length + 1, this);
    this.#processes.push(child);
    const worker = new WorkerHandle(child, { mark: String(child.pid) });
    this.#router.attach(worker);
    return worker;
  }

  #sometime(callback) {
    this.later(callback, this.random.between(0, DURATION));
  }

  #spawn(promise) {
    promise.catch((error) => this.#failures.push(error));
  }

  #expect(condition, message) {
    if (!condition) this.#failures.push(new assert.AssertionError({ message }));
  }

  #save(kind) {
    if (this.#isStopped) return;
    this.disk.save(kind);
    this.trace('save', `version ${this.disk.version}: ${kind}`);
    this.later(() => {
      if (this.#isStopped) return;
      this.#loop.forgetCrashes();
      this.#spawn(this.#loop.request(['/app/main.js'], 0));
    });
  }

  #killOne() {
    const living = this.#processes.filter(({ isDead }) => !isDead);
    if (living.length === 0) return;
    const victim = this.random.of(living);
    this.#hasFault = true;
    if (victim.state === 'loading' || victim.state === 'standby') this.#lostStarts++;
    this.trace('kill', `${victim.pid}, ${victim.state}`);
    victim.die(null, 'SIGKILL');
  }

  /** The event loop of one is blocked from now on; the next save finds it so. */
  #blockOne() {
    const serving = this.#processes.find(({ state, isDead }) => state === 'serving' && !isDead);
    if (!serving) return;
    this.#hasFault = true;
    this.trace('block', serving.pid);
    serving.isStuck = true;
    this.later(() => this.#save('good'), 50);
  }

  async #stop() {
    this.#isStopped = true;
    await this.#loop.stop();
    this.#standbys.stop();
    const { serving } = this.#loop;
    this.#router.stop();
    if (serving) await this.#retirements.retire(serving, { type: 'drain', move: false });
    await this.#retirements.ended();
    await this.#store.close();
  }

  /** Nothing more happens by itself. */
  #check() {
    const { serving } = this.#loop;
    const process = serving && this.#processes[serving.pid - 1];
    const { version } = this.disk;
    if (this.disk.isGood(version)) {
      const mayWait = this.#lostStarts > 1 || (this.#hasFault && this.#deaths >= 3);
      if (!mayWait) assert.equal(process?.version, version, 'the last save is what serves');
    } else if (process) {
      assert.ok(this.disk.isGood(process.version), `version ${process.version} serves, which can't`);
    } else {
      assert.ok(
        !this.#hasServed || this.#hasFault || !this.#options.overlap,
        'a failed start ends the generation that serves',
      );
    }
    if (process && !process.isStuck) assert.equal(process.state, 'serving', 'what serves knows it');
    for (const { number, connection } of this.client.cut) {
      assert.ok(this.#mayBeCut.has(connection), `request ${number} was cut, and no process had failed`);
    }
    if (process && !process.isStuck) assert.deepEqual(this.client.unanswered, [], 'every request is answered');
    if (!process || !this.app.keeps) return;
    const applied = process.applied.toSorted((a, b) => a - b);
    assert.equal(new Set(applied).size, applied.length, 'nothing was applied twice');
    const acknowledged = [...this.client.answers].filter(([, count]) => count > 0).map(([number]) => number);
    if (!this.#hasFault)
      assert.deepEqual(
        applied,
        acknowledged.toSorted((a, b) => a - b),
        'nothing is lost',
      );
  }
}
