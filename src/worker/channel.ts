import type { Socket } from 'node:net';
import { seal, unseal, type MessageToPrimary, type MessageToWorker, type RawHandle } from '../protocol.ts';

type Listener = (message: MessageToWorker, handle: RawHandle | undefined) => void;

/** A worker's end of the IPC channel. Our messages pass an app's `message` listeners by, and its `process.send`. */
export class Channel {
  // An app may replace process.send; ours is the one it was born with.
  readonly #send: NonNullable<NodeJS.Process['send']>;

  readonly #token: string;

  constructor(token: string, listener: Listener) {
    this.#token = token;
    if (!process.send) throw new Error('a worker needs an IPC channel to its primary');
    this.#send = process.send.bind(process);
    process.on('internalMessage' as 'message', (message: unknown, handle: unknown) => {
      const body = unseal<MessageToWorker>(message);
      if (body) listener(body, handle as RawHandle | undefined);
    });
  }

  send(message: MessageToPrimary, handle?: RawHandle): Promise<void> {
    if (!process.connected) return Promise.resolve();
    return new Promise((resolve) => {
      // A failed send means that the primary has gone; `disconnect` tells and ends this process.
      this.#send(seal(message, this.#token), handle as unknown as Socket, { swallowErrors: true } as object, () =>
        resolve(),
      );
    });
  }

  /** Whether the channel alone keeps this process alive: only while it waits as a standby. */
  hold(alive: boolean): void {
    if (alive) process.channel?.ref();
    else process.channel?.unref();
  }
}
