import type { Luggage } from '../../protocol.ts';

/**
 * A connection that can move in the midst of its protocol. It is frozen first: nothing that its client sends from then on
 * is given to the app. When what was given has been handled, the app loses it; when what was sent is in the kernel, its
 * descriptor is handed back, with all that its next owner must know.
 */
export interface Movable {
  /** It has not begun to end. */
  readonly isOpen: boolean;
  /** What is being handled, for a person. */
  readonly work: string;
  /** The app is still handling what it was given. */
  readonly isHandling: boolean;
  /** What was read is not with the app yet. */
  readonly isReading: boolean;
  /** What the app has sent has not been written to the socket. */
  readonly isSending: boolean;
  /** Resolves when one of these may have changed. */
  change(): Promise<void>;
  /**
   * Takes it from the app, which is told: what it sends from now on would not agree with the data of the connection, and an
   * app that never stops would keep it for ever.
   */
  leave(): void;
  /** All that its next owner must know, in the turn in which its descriptor leaves. */
  pack(unread: Buffer): Luggage;
}
