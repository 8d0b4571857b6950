import { EventEmitter } from 'node:events';
import { FrameReader, frame, BEGIN, BYTES, END } from '../../dist/blob-frames.js';
import { COMMAND } from '../../dist/protocol.js';

const QUERY = { address: null, port: 3000, addressType: 4, occurrence: 0, http: false };

/** What arrives at its other end in the order in which it was sent, each at its time. */
class Pipe {
  #world;
  #last = 0;
  #deliver;

  constructor(world, deliver) {
    this.#world = world;
    this.#deliver = deliver;
  }

  send(...message) {
    const { time, random } = this.#world;
    this.#last = Math.max(this.#last, time.now + random.delay());
    time.after(this.#last - time.now, () => this.#deliver(...message));
  }
}

/**
 * A worker as its primary sees it, a ChildProcess, with a model of what runs in it: it boots, loads the code that lies
 * on the disk, keeps what was acknowledged, and follows the protocol as src/worker does.
 */
export class WorkerProcess extends EventEmitter {
  pid;
  connected = true;
  state = 'standby';
  version;
  /** The numbers of the requests that it has acknowledged, or an earlier generation. */
  applied = [];
  isDead = false;
  /** It does nothing more, and does not end either. */
  isStuck = false;
  hasSaidReady = false;
  stdio = [];
  #world;
  #toPrimary;
  #toWorker;
  #blobs;
  #calls;
  #callAnswers;
  #inbox = [];
  /** Handles one by one, and all messages in their order: what waits for the answer of the last one. */
  #unsent = [];
  #isHandleUnanswered = false;
  /** It waits for the answer of a call, and looks at nothing else. */
  #onAnswer;
  #connections = new Map();
  #inFlight = 0;
  /** The primary's id of the one that it listens on. */
  #listener;
  #stateFollows = false;
  #whenIdle = [];
  #isDrained = false;
  #exit;
  #hasExited = false;

  constructor(pid, world) {
    super();
    this.pid = pid;
    this.#world = world;
    this.#toPrimary = new Pipe(world, (message, handle) => this.#onArrival(message, handle));
    this.#toWorker = new Pipe(world, (message, handle) => this.#onMessage(message, handle));
    const blobs = new EventEmitter();
    this.#blobs = new Pipe(world, (bytes) => (bytes ? blobs.emit('data', bytes) : blobs.emit('close')));
    blobs.destroy = () => {};
    this.#calls = new Pipe(world, (text) => callSocket.emit('data', text));
    this.#callAnswers = new Pipe(world, (bytes) => this.isDead || this.#onAnswer?.(bytes));
    const callSocket = Object.assign(new EventEmitter(), {
      writable: true,
      destroyed: false,
      setEncoding: () => callSocket,
      cork() {},
      uncork() {},
      write: (bytes, done) => {
        this.#callAnswers.send(Buffer.from(bytes));
        done?.();
      },
    });
    this.stdio[4] = blobs;
    this.stdio[5] = callSocket;
    world.later(() => !this.isDead && this.#say({ type: 'standby' }));
  }

  // What the primary calls.

  send(message, handle) {
    if (!this.connected) return false;
    if (this.#isHandleUnanswered) this.#unsent.push([message, handle]);
    else this.#transmit(message, handle);
    return true;
  }

  kill(signal) {
    if (signal === 'SIGKILL') this.die(null, signal);
    else this.#world.later(() => this.isStuck || this.die(null, signal));
  }

  #transmit(message, handle) {
    this.#isHandleUnanswered = handle !== undefined;
    // A descriptor of its own is on its way.
    this.#toWorker.send(message, handle?.connection.handle());
  }

  #onHandleAnswered() {
    this.#isHandleUnanswered = false;
    while (this.#unsent.length > 0 && !this.#isHandleUnanswered) this.#transmit(...this.#unsent.shift());
  }

  /** Ends at once: what it has sent arrives, all else is lost. */
  die(code, signal) {
    if (this.isDead) return;
    this.isDead = true;
    this.#world.onDeath(this, [...this.#connections.keys()]);
    for (const handle of this.#connections.values()) handle.close();
    for (const [, handle] of this.#inbox.splice(0)) handle?.close();
    this.#blobs.send(undefined);
    this.#exit = { code, signal };
    if (this.#world.random.chance(0.5)) this.#world.later(() => this.#onExit());
    this.#toPrimary.send(undefined);
  }

  #onArrival(message, handle) {
    if (message === undefined) {
      this.connected = false;
      this.emit('disconnect');
      this.#world.later(() => this.#onExit());
      return;
    }
    this.emit('internalMessage', message, handle);
    if (message.cmd === 'NODE_HANDLE_ACK') this.#onHandleAnswered();
  }

  #onExit() {
    if (this.#hasExited) return;
    this.#hasExited = true;
    this.emit('exit', this.#exit.code, this.#exit.signal);
  }

  // What happens in it.

  #say(body, handle) {
    this.#world.trace(`  ${this.pid} ${this.state} -> ${body.type}`);
    if (this.isDead || this.isStuck) return;
    this.#toPrimary.send({ cmd: COMMAND, body }, handle);
  }

  #onMessage(message, handle) {
    if (this.isDead) {
      handle?.close();
      return;
    }
    this.#inbox.push([message, handle]);
    this.#read();
  }

  #read() {
    while (this.#inbox.length > 0 && !this.#onAnswer && !this.isDead && !this.isStuck) {
      const [{ body }, handle] = this.#inbox.shift();
      if (handle) {
        // Node does so, before it emits the message.
        this.#toPrimary.send({ cmd: 'NODE_HANDLE_ACK' });
      }
      this.#handle(body, handle);
    }
  }

  #handle(body, handle) {
    this.#world.trace(`  ${this.pid} ${this.state} <- ${body.type}`);
    switch (body.type) {
      case 'warm-runtime':
        this.#world.later(() => this.#say({ type: 'runtime-warm' }));
        break;
      case 'resolve':
        this.#world.later(() => this.#say({ type: 'resolved' }));
        break;
      case 'load':
        void this.#load(body);
        break;
      case 'committed':
        this.#world.onCommit(this);
        this.state = 'serving';
        for (const connection of this.#connections.keys()) this.onReadable(connection);
        this.#checkpoint(body.checkpointInterval);
        break;
      case 'connection':
        this.#accept(handle);
        break;
      case 'quiesce':
        this.#quiesce();
        break;
      case 'capture':
        this.#idle(() => this.#capture(body.id));
        break;
      case 'all-moved':
        break;
      case 'ask-waits':
        this.#say({ type: 'waits', step: this.state === 'draining' ? undefined : 'load', names: ['a request'] });
        break;
      case 'resume':
        if (this.state !== 'quiesced') break;
        this.state = 'serving';
        for (const connection of this.#connections.keys()) this.onReadable(connection);
        break;
      case 'drain':
        this.#drain(body);
        break;
      default:
        throw new Error(`the model of a worker does not know ${body.type}`);
    }
  }

  async #load({ stateFollows }) {
    const { app, disk } = this.#world;
    this.state = 'loading';
    this.#stateFollows = stateFollows;
    await this.#pause();
    this.version = disk.version;
    const kind = disk.kindOf(this.version);
    if (kind === 'broken') {
      this.#say({ type: 'failed', error: { name: 'Error', message: `version ${this.version} is broken` } });
      await this.#pause();
      this.die(1, null);
      return;
    }
    if (kind === 'hanging') return;
    if (kind === 'slow') await this.#pause(400);
    if (app.keeps) {
      await this.#takeState();
      this.#say({ type: 'carries', carries: { keeps: true, saves: false, steps: false, pauses: false } });
    }
    if (kind === 'late') await this.#pause(400);
    const { port } = await this.#call(JSON.stringify({ type: 'listen', query: QUERY }));
    this.#listener = port;
    await this.#takeState();
    await this.#pause();
    this.hasSaidReady = true;
    this.#say({ type: 'ready', phases: {}, variables: [] });
  }

  async #takeState() {
    if (!this.#stateFollows) return;
    this.#stateFollows = false;
    const bytes = await this.#state();
    if (bytes.length > 0) this.applied = this.#world.stateOf(bytes);
  }

  #state() {
    const parts = [];
    return new Promise((resolve) => {
      const frames = new FrameReader({
        begin() {},
        abort: () => parts.splice(0),
        write: (bytes) => parts.push(Buffer.from(bytes)),
        end: () => {
          this.#onAnswer = undefined;
          resolve(Buffer.concat(parts));
          this.#read();
        },
      });
      this.#onAnswer = (bytes) => frames.read(bytes);
      this.#calls.send(`${JSON.stringify({ type: 'state' })}\n`);
    });
  }

  #call(line) {
    return new Promise((resolve) => {
      this.#onAnswer = (bytes) => {
        this.#onAnswer = undefined;
        resolve(JSON.parse(String(bytes)));
        // It goes on first.
        setImmediate(() => this.#read());
      };
      this.#calls.send(`${line}\n`);
    });
  }

  #pause(ms) {
    return new Promise((resolve) =>
      this.#world.later(() => {
        if (!this.isDead && !this.isStuck) resolve();
      }, ms),
    );
  }

  #accept(handle) {
    const { connection } = handle;
    if (this.#listener === undefined || this.#isDrained) {
      this.#handBack(handle);
      return;
    }
    this.#connections.set(connection, handle);
    connection.holder = this;
    if (this.state === 'draining') this.#handBackIdle();
    else this.onReadable(connection);
  }

  /** A request has arrived on one of its connections, or it reads again. */
  onReadable(connection) {
    if (this.state !== 'serving' || this.isDead || this.isStuck || connection.isBusy) return;
    const request = connection.unread.shift();
    if (request === undefined) return;
    connection.isBusy = true;
    this.#inFlight++;
    this.#world.later(() => {
      if (this.isDead || this.isStuck) return;
      connection.isBusy = false;
      this.#inFlight--;
      this.applied.push(request);
      this.#world.client.onAnswer(request, this);
      if (this.state === 'serving') this.onReadable(connection);
      if (this.state === 'draining') this.#handBackIdle();
      if (this.#inFlight === 0) for (const callback of this.#whenIdle.splice(0)) callback();
    });
  }

  #idle(callback) {
    if (this.#inFlight === 0) callback();
    else this.#whenIdle.push(callback);
  }

  #quiesce() {
    if (this.state !== 'serving') return;
    this.state = 'quiesced';
    this.#idle(() => this.#say({ type: 'quiesced', outlived: [] }));
  }

  #capture(id) {
    if (this.state !== 'quiesced') return;
    if (this.#world.app.keeps) this.#sendState(id);
    this.#say({ type: 'captured', id, blob: this.#world.app.keeps, problems: [], keys: [] });
  }

  #sendState(id) {
    const bytes = this.#world.noteState(this.applied);
    const half = bytes.length >> 1;
    this.#blobs.send(frame(BEGIN, id));
    for (const part of [bytes.subarray(0, half), bytes.subarray(half)]) {
      this.#blobs.send(Buffer.concat([frame(BYTES, part.length), part]));
    }
    this.#blobs.send(frame(END, 0));
  }

  #checkpoint(interval) {
    if (!this.#world.app.keeps) return;
    const timer = this.#world.time.after(interval, () => {
      if (this.isDead || this.isStuck || this.state === 'draining') return;
      if (this.state === 'serving') this.#sendState(0);
      this.#checkpoint(interval);
    });
    this.#world.time.unawait(timer);
  }

  #drain({ move }) {
    if (this.state === 'draining') return;
    this.state = 'draining';
    if (!move) for (const connection of this.#connections.keys()) connection.unread.length = 0;
    this.#handBackIdle();
    this.#say({ type: 'moved', connections: 0 });
    this.#idle(async () => {
      this.#isDrained = true;
      this.#say({ type: 'drained', ended: true, report: [] });
      await this.#pause();
      this.die(0, null);
    });
  }

  #handBackIdle() {
    for (const [connection, handle] of this.#connections) if (!connection.isBusy) this.#handBack(handle);
  }

  #handBack(handle) {
    const { connection } = handle;
    this.#connections.delete(connection);
    if (connection.holder === this) connection.holder = undefined;
    // Its descriptor is the one that travels.
    this.#say({ type: 'hand-back', listener: this.#listener, idle: true }, handle);
  }
}
