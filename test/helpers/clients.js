import http from 'node:http';

/** One request; resolves with status, headers, body, the port it came from; rejects as the client would see it. */
export function request(
  port,
  { method = 'GET', path = '/', body, agent = false, host = '127.0.0.1', headers, socketPath } = {},
) {
  return new Promise((resolve, reject) => {
    const options = { ...(socketPath ? { socketPath } : { port, host }), method, path, agent, headers };
    const sent = http.request(options, (response) => {
      let text = '';
      response.setEncoding('utf8');
      response.on('data', (chunk) => (text += chunk));
      response.on('error', reject);
      response.on('end', () => resolve({ status: response.statusCode, headers: response.headers, body: text }));
    });
    sent.on('error', reject);
    sent.end(body);
  });
}

/**
 * Clients that send requests one after another until stopped, three quarters of them on keep-alive connections.
 * Every request and what became of it is noted.
 */
export class Load {
  acknowledged = 0;
  failures = [];
  bodies = [];
  longestMs = 0;
  #stopped = false;
  #agents = [];
  #waiters = [];
  #request;

  /** `send` and `Agent`: of another protocol than HTTP. */
  constructor(port, { clients = 20, method = 'POST', path = '/', send = request, Agent = http.Agent } = {}) {
    this.#request = send;
    this.done = Promise.all(
      Array.from({ length: clients }, async (_, index) => {
        const agent = index % 4 === 0 ? false : new Agent({ keepAlive: true, maxSockets: 1 });
        if (agent) this.#agents.push(agent);
        while (!this.#stopped)
          await this.#send(port, { method, path, agent, ...(method === 'POST' && { body: 'x'.repeat(100) }) });
      }),
    );
  }

  /** Resolves when that many more requests have been acknowledged. */
  more(count) {
    return new Promise((resolve) => this.#waiters.push({ at: this.acknowledged + count, resolve }));
  }

  async stop() {
    this.#stopped = true;
    await this.done;
    for (const agent of this.#agents) agent.destroy();
  }

  async #send(port, options) {
    const began = performance.now();
    try {
      const { status, body } = await this.#request(port, options);
      if (status === 200) {
        this.acknowledged++;
        this.bodies.push(body);
      } else this.failures.push(`${status} ${body}`);
    } catch (error) {
      this.failures.push(String(error.code ?? error));
    }
    this.longestMs = Math.max(this.longestMs, performance.now() - began);
    this.#waiters = this.#waiters.filter(({ at, resolve }) => (this.acknowledged >= at ? resolve() : true));
  }
}
