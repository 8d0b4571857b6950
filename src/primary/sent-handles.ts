import type { ChildProcess, SendHandle, Serializable } from 'node:child_process';

type Send = (message: Serializable, handle?: SendHandle, ...rest: unknown[]) => boolean;

/**
 * Tells which of the handles that were sent to a child have reached it. Node answers each one as it takes it out of
 * the channel, right before it emits the message that came with it, and sends the next one only then. Read from
 * lib/internal/child_process.js, Node 20–26.
 */
export class SentHandles {
  readonly #child: ChildProcess;
  readonly #send: Send;
  /** What is to be told of those that were not answered yet, in the order in which they were sent. */
  readonly #unanswered: ((hasArrived: boolean) => void)[] = [];

  constructor(child: ChildProcess) {
    this.#child = child;
    this.#send = child.send.bind(child) as Send;
    // Node's own cluster sends handles over the same channel: UDP sockets, inherited descriptors.
    child.send = ((message: Serializable, handle?: SendHandle, ...rest: unknown[]) => {
      if (handle && child.connected) this.#unanswered.push(() => {});
      return this.#send(message, handle, ...rest);
    }) as ChildProcess['send'];
    child.on('internalMessage' as 'message', (message: unknown) => {
      const { cmd } = message as { cmd?: unknown };
      if (cmd === 'NODE_HANDLE_ACK') this.#unanswered.shift()?.(true);
      // It had no descriptor free.
      else if (cmd === 'NODE_HANDLE_NACK') this.#unanswered.shift()?.(false);
    });
  }

  /** `onAnswer` is not called when the child ends first. */
  send(message: Serializable, handle: SendHandle, onAnswer: (hasArrived: boolean) => void): void {
    if (!this.#child.connected) return;
    this.#unanswered.push(onAnswer);
    this.#send(message, handle, { swallowErrors: true });
  }
}
