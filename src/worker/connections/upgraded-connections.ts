import type { Socket } from 'node:net';
import { isUpgraded, thaw, type Connection } from './connection.ts';
import { httpServerOf } from './http-connections.ts';
import { GOING_AWAY, SERVICE_RESTART, WebSocketOutput } from './web-socket-output.ts';

/** Connections that have become, or may become, something else than HTTP. One that can't move is ended. */
export class UpgradedConnections {
  readonly #outputs = new WeakMap<Socket, WebSocketOutput>();
  readonly #onAnswer: () => void;

  /** `onAnswer`: the app has answered a client that has asked for a WebSocket. */
  constructor(onAnswer: () => void) {
    this.#onAnswer = onAnswer;
  }

  /** A connection is a WebSocket, or its client has asked for one: it can be ended with a close code. */
  setWebSocket(socket: Socket, state: 'asked' | 'open'): WebSocketOutput {
    const output = new WebSocketOutput(socket, state, this.#onAnswer);
    this.#outputs.set(socket, output);
    return output;
  }

  /** Whether the app is still to answer its client that has asked for a WebSocket. */
  isAsked(socket: Socket): boolean {
    return this.#outputs.get(socket)?.isAsked ?? false;
  }

  /** Ends what can't move and would never end by itself. `isRestart`: its client may come back at once. */
  end(connection: Connection, { isRestart }: { isRestart: boolean }): void {
    const { socket } = connection;
    if (connection.isEnding || this.isAsked(socket)) return;
    if (!isUpgraded(socket) && (isRestart || httpServerOf(socket) !== undefined)) return;
    connection.isEnding = true;
    if (connection.frozen) {
      // What its client has sent since the capture is for nobody; that the client ends it, too, is to be read.
      for (const event of ['data', 'readable']) socket.removeAllListeners(event);
      thaw(connection);
      socket.resume();
    }
    const output = this.#outputs.get(socket);
    if (output) output.close(isRestart ? SERVICE_RESTART : GOING_AWAY);
    else socket.end();
  }
}
