import type { Luggage } from '../../protocol.ts';

/**
 * A connection that can move in the midst of its protocol. It is frozen first: nothing that its client sends from then on
 * is given to the app. When what was given has been handled, and what was sent is in the kernel, its descriptor is handed
 * back, with all that its next owner must know.
 */
export interface Movable {
  /** It has not begun to end. */
  readonly isOpen: boolean;
  /** What is being handled, for a person. */
  readonly work: string;
  /** The app is still handling what it was given. */
  readonly isHandling: boolean;
  /** What was read is not with the app yet, or what the app has sent has not been written. */
  readonly isBusy: boolean;
  /** Resolves when one of these may have changed. */
  change(): Promise<void>;
  /** The app's data of this connection. It may send something while it is asked. */
  save(): string | undefined;
  /** All that its next owner must know, in the turn in which its descriptor leaves. */
  pack(unread: Buffer, data: string | undefined): Luggage;
  /** It has left this process. */
  left(): void;
}
