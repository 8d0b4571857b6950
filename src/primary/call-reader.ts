import type { Socket } from 'node:net';
import type { BindQuery, Call, ListenQuery, PortAnswer } from '../protocol.ts';

export interface CallHandler {
  listen(query: ListenQuery): Promise<PortAnswer>;
  bind(query: BindQuery): Promise<PortAnswer>;
  close(port: number): void;
}

/** Answers the calls for which a worker blocks, in their order. */
export class CallReader {
  readonly #stream: Socket;
  readonly #onState: () => void;
  #last: Promise<void> = Promise.resolve();

  /** `onState`: the worker waits for its state, which answers it. */
  constructor(stream: Socket, onState: () => void) {
    this.#stream = stream;
    this.#onState = onState;
    // The worker may end in the middle of a call; its end is told elsewhere.
    stream.on('error', () => {});
  }

  serve(handler: CallHandler): void {
    let rest = '';
    this.#stream.setEncoding('utf8').on('data', (text: string) => {
      const lines = `${rest}${text}`.split('\n');
      // What a worker that has ended left unfinished is no call.
      rest = lines.pop() ?? '';
      for (const line of lines) {
        const answered = this.#last.then(() => this.#answer(JSON.parse(line) as Call, handler));
        // An app that writes into this pipe itself is answered no more.
        this.#last = answered.catch(() => void this.#stream.destroy());
      }
    });
  }

  async #answer(call: Call, handler: CallHandler): Promise<void> {
    switch (call.type) {
      case 'listen':
        this.#stream.write(`${JSON.stringify(await handler.listen(call.query))}\n`);
        break;
      case 'bind':
        this.#stream.write(`${JSON.stringify(await handler.bind(call.query))}\n`);
        break;
      case 'close':
        handler.close(call.port);
        this.#stream.write('{}\n');
        break;
      case 'state':
        this.#onState();
        break;
      default:
        call satisfies never;
    }
  }
}
