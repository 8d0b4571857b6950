import type { OutgoingHttpHeaders, ServerResponse } from 'node:http';

/** Browsers wait by themselves for seconds before they connect again, and complain in their console each time. In milliseconds. */
const RECONNECT_AFTER = 1000;

/** A client that reads nothing is let go when so much waits for it, in bytes. */
const LARGEST_BACKLOG = 8 * 1024 * 1024;

/** A named event and what JSON can carry of it. */
export interface StreamEvent {
  event: string;
  data: unknown;
}

/** The clients that are told events as they happen (EventSource). */
export class EventStream {
  readonly #clients = new Set<ServerResponse>();
  readonly #onClients: (count: number) => void;

  /** `onClients`: another number of them listens. */
  constructor(onClients: (count: number) => void = () => {}) {
    this.#onClients = onClients;
  }

  get hasClients(): boolean {
    return this.#clients.size > 0;
  }

  /** `first`: what this one is told at once. */
  add(response: ServerResponse, headers: OutgoingHttpHeaders, first: StreamEvent): void {
    response.writeHead(200, { ...headers, 'content-type': 'text/event-stream; charset=utf-8' });
    response.write(`retry: ${RECONNECT_AFTER}\n\n${format(first)}`);
    this.#clients.add(response);
    response.on('error', () => {});
    response.once('close', () => {
      this.#clients.delete(response);
      this.#onClients(this.#clients.size);
    });
    this.#onClients(this.#clients.size);
  }

  send(event: StreamEvent): void {
    if (!this.hasClients) return;
    const text = format(event);
    for (const client of this.#clients) {
      if (client.writableLength > LARGEST_BACKLOG) client.destroy();
      else client.write(text);
    }
  }
}

function format({ event, data }: StreamEvent): string {
  return `event: ${event}\ndata: ${JSON.stringify(data)}\n\n`;
}
