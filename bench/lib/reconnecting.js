import { setTimeout as delay } from 'node:timers/promises';
import { withTimeout } from './time.js';

/** From one message to the next, in milliseconds. */
const PAUSE = 20;
/** How long a client may take to come back. */
const LONGEST = 30_000;

/** A client that reconnects by itself, and what it has noticed of it. */
class Reconnecting {
  sent = 0;
  /** Not known whether they were counted: their connection ended before the answer. */
  unanswered = 0;
  acknowledged = 0;
  ends = {};
  reconnectMs = [];
  missed = 0;
  repeated = 0;
  #noted;
  #lastEvent;
  #downAt;
  #isUp = false;
  #isStopped = false;
  #up = [];
  #client;
  #done;

  constructor(connect, port, noted) {
    this.#noted = noted;
    this.#client = connect(port, {
      onUp: () => this.#onUp(),
      onDown: (why) => this.#onDown(why),
      onEvent: (event) => this.#onEvent(event),
    });
    this.#done = this.#run();
  }

  /** Resolves when it is connected, and has been since so many reconnections. */
  async up(reconnections) {
    const back = new Promise((resolve) => {
      const check = () => this.#isUp && this.reconnectMs.length >= reconnections && resolve();
      this.#up.push(check);
      check();
    });
    await withTimeout(back, LONGEST, `reconnection ${reconnections}`);
  }

  async stop() {
    this.#isStopped = true;
    await this.#done;
    await this.#client.close();
  }

  async #run() {
    while (!this.#isStopped) {
      if (this.#isUp) await this.#count();
      await delay(PAUSE);
    }
  }

  async #count() {
    this.sent++;
    try {
      const answer = await this.#client.count();
      this.acknowledged++;
      this.#noted(answer);
    } catch {
      this.unanswered++;
    }
  }

  #onUp() {
    this.#isUp = true;
    if (this.#downAt !== undefined) this.reconnectMs.push(performance.now() - this.#downAt);
    this.#downAt = undefined;
    for (const check of this.#up) check();
  }

  #onDown(why) {
    if (!this.#isUp) return;
    this.#isUp = false;
    this.ends[why] = (this.ends[why] ?? 0) + 1;
    this.#downAt = performance.now();
  }

  #onEvent(event) {
    if (this.#lastEvent !== undefined) {
      if (event <= this.#lastEvent) this.repeated++;
      else this.missed += event - this.#lastEvent - 1;
    }
    this.#lastEvent = Math.max(event, this.#lastEvent ?? 0);
  }
}

/** Some clients that reconnect by themselves, while the task lasts. */
export async function withReconnecting(connect, port, count, task) {
  const noted = { counts: new Set(), firstSeen: new Map(), servingPid: undefined };
  const note = ({ count: counted, version, pid }) => {
    noted.counts.add(counted);
    noted.servingPid = pid;
    if (!noted.firstSeen.has(version)) noted.firstSeen.set(version, performance.now());
  };
  const clients = Array.from({ length: count }, () => new Reconnecting(connect, port, note));
  try {
    return await task({
      noted,
      up: (reconnections) => Promise.all(clients.map((client) => client.up(reconnections))),
      sum: (key) => clients.reduce((sum, { [key]: value }) => sum + value, 0),
      all: (key) => clients.flatMap(({ [key]: value }) => value),
    });
  } finally {
    await Promise.all(clients.map((client) => client.stop()));
  }
}
