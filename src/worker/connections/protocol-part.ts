/** Connections that are more than HTTP/1.1 on a plain socket, and how they take part in a restart. */
export interface ProtocolPart {
  /**
   * Begins nothing more, from when there is nothing pending or `timeout` ms have passed. Undone by thaw(), when the
   * handover is rolled back.
   */
  freeze(timeout: number): void;
  thaw(): void;
  /** Ends what can be ended: this process serves no more. */
  end(): void;
  /** What the capture waits for, or the end of this process (`isEnding`), as a person would name it. */
  pending(isEnding: boolean): Iterable<string>;
  /** Cuts what is left. */
  cut(): void;
}
