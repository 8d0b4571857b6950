import http from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';

/** A request without an answer after this time, in milliseconds, has failed. */
const REQUEST_TIMEOUT = 15_000;

/** One request; resolves with the JSON of its answer, rejects as the client would see it. */
export function request(port, { method = 'GET', path = '/', body, headers, agent = false } = {}) {
  return new Promise((resolve, reject) => {
    const sent = http.request({ port, host: '127.0.0.1', method, path, headers, agent, timeout: REQUEST_TIMEOUT });
    sent.on('response', (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (chunk) => (text += chunk));
      response.on('error', reject);
      response.on('end', () => {
        if (response.statusCode === 200) resolve(JSON.parse(text));
        else reject(new Error(`status ${response.statusCode}`));
      });
    });
    sent.on('timeout', () => sent.destroy(new Error(`no answer within ${REQUEST_TIMEOUT} ms`)));
    sent.on('error', reject);
    sent.end(body);
  });
}

/** Clients that send requests one after another, three quarters of them on keep-alive connections. */
class Load {
  requests = 0;
  acknowledged = 0;
  /** How often each failure was seen. */
  failures = {};
  /** The counts that were answered: one that comes twice was applied to two requests or none. */
  counts = new Set();
  /** When each version of the app was first seen, as performance.now() tells. */
  firstSeen = new Map();
  /** The process that has answered last. */
  servingPid = undefined;
  /** On how many connections each client that keeps its connection was answered. */
  #connections = [];
  #longestMs = 0;
  #limit;
  #pauseMs;
  #read;
  #stopped = false;
  #waiters = new Set();

  constructor(port, { clients, limit, pauseMs, read = (answer) => answer, ...options }) {
    this.#limit = limit;
    this.#pauseMs = pauseMs;
    this.#read = read;
    this.done = Promise.all(Array.from({ length: clients }, (_, index) => this.#run(port, options, index % 4 > 0)));
  }

  get failed() {
    return Object.values(this.failures).reduce((sum, count) => sum + count, 0);
  }

  /** Resolves when that many more requests have been answered, in whichever way. */
  more(count) {
    const at = this.requests + count;
    return new Promise((resolve, reject) => {
      const check = () => {
        if (this.requests >= at) resolve();
        else if (this.requests >= this.#limit)
          reject(new Error(`the load has reached its limit of ${this.#limit} requests`));
        else return;
        this.#waiters.delete(check);
      };
      this.#waiters.add(check);
      check();
    });
  }

  /** Clients that keep their connection, and how many of them have had the same one all the time. */
  get keepAlive() {
    return { clients: this.#connections.length, kept: this.#connections.filter(({ size }) => size === 1).length };
  }

  /** The longest wait since it was last asked for, in milliseconds. */
  takeLongestMs() {
    const longest = this.#longestMs;
    this.#longestMs = 0;
    return longest;
  }

  stop() {
    this.#stopped = true;
    return this.done;
  }

  async #run(port, options, keepAlive) {
    const agent = keepAlive && new http.Agent({ keepAlive: true, maxSockets: 1 });
    if (agent) {
      const connections = new Set();
      agent.on('free', (socket) => connections.add(socket));
      this.#connections.push(connections);
    }
    while (!this.#stopped && this.requests < this.#limit) {
      await this.#send(port, { ...options, agent });
      if (this.#pauseMs) await delay(this.#pauseMs);
    }
    if (agent) agent.destroy();
  }

  async #send(port, options) {
    const began = performance.now();
    try {
      const { version, count, pid } = this.#read(await request(port, options));
      this.servingPid = pid;
      this.acknowledged++;
      this.counts.add(count);
      if (!this.firstSeen.has(version)) this.firstSeen.set(version, performance.now());
    } catch (error) {
      const name = error.code ?? error.message;
      this.failures[name] = (this.failures[name] ?? 0) + 1;
    }
    this.requests++;
    this.#longestMs = Math.max(this.#longestMs, performance.now() - began);
    for (const check of this.#waiters) check();
  }
}

/**
 * Keeps a load on a port while the task lasts; at most `limit` requests. Each client rests for `pauseMs` between two;
 * `read` takes version, count and pid out of an answer.
 */
export async function withLoad(port, { clients = 20, limit = 2_000_000, ...options }, task) {
  const load = new Load(port, { clients, limit, ...options });
  try {
    return await task(load);
  } finally {
    await load.stop();
  }
}
