import { EventEmitter, once } from 'node:events';
import http from 'node:http';
import { UiServer } from '../../dist/ui/ui-server.js';

/** What a UiServer knows of a ProcessRestarter, with its events in the hands of a test. */
export class FakeRestarter extends EventEmitter {
  generation = undefined;
  url = undefined;
  restarts = [];

  async restart(reason) {
    this.restarts.push(reason);
  }

  /** All events of a restart that works. */
  commit(generation, { reason = ['app.js'], receipt = true } = {}) {
    this.emit('change', { reason });
    this.emit('loading', { generation, pid: 2 ** 30 + generation });
    this.generation = generation;
    this.emit('committed', { generation, pid: 2 ** 30 + generation, totalMs: 12, pauseMs: 5, phases: [] });
    if (receipt) this.moved(generation, reason);
  }

  moved(generation, reason = []) {
    const costs = { connectionsMoved: 1, held: 2, longestHoldMs: 3, stateBytes: 49, stateKeys: [], phases: [] };
    this.emit('receipt', { generation, reason, totalMs: 12, pauseMs: 5, ...costs });
  }
}

/** A UiServer that is gone when the test ends. */
export async function startUi(t, { ui = 0, restarter = new FakeRestarter() } = {}) {
  const server = await UiServer.start(restarter, ui);
  t.after(() => server.close());
  const script = new URL(server.scriptUrl);
  return { server, restarter, port: Number(script.port), page: server.pageUrl && new URL(server.pageUrl), script };
}

/** An EventSource in small: the events of a stream, one after the other. */
export class Events {
  static async open(t, url, headers = {}) {
    const request = http.get(url, { headers, agent: false });
    const [response] = await once(request, 'response');
    t.after(() => request.destroy());
    return new Events(response);
  }

  #text = '';
  #queue = [];
  #waiters = [];

  constructor(response) {
    this.response = response;
    response.setEncoding('utf8').on('data', (text) => this.#read(text));
    response.on('error', () => {});
    this.ended = new Promise((resolve) => response.once('close', resolve));
  }

  /** The data of the next event of that name; others are passed over. */
  async next(name) {
    for (;;) {
      const event = this.#queue.shift() ?? (await new Promise((resolve) => this.#waiters.push(resolve)));
      if (event.name === name) return event.data;
    }
  }

  close() {
    this.response.destroy();
  }

  #read(text) {
    const events = (this.#text + text).split('\n\n');
    this.#text = events.pop();
    for (const event of events) {
      const [, name, data] = /^event: (\w+)\ndata: (.*)$/.exec(event) ?? [];
      if (name === undefined) continue;
      const told = { name, data: JSON.parse(data) };
      const waiter = this.#waiters.shift();
      if (waiter) waiter(told);
      else this.#queue.push(told);
    }
  }
}
