import { EventEmitter } from 'node:events';
import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import type { Luggage } from '../../protocol.ts';
import type { CarriedData } from './carried-data.ts';
import type { InflateHistory, PackedHistory } from './inflate-history.ts';
import type { Movable } from './movable.ts';
import { packUpgradeRequest, type PackedUpgradeRequest } from './upgrade-request.ts';
import {
  abandon,
  bufferedBytes,
  close,
  isConnected,
  isOpen,
  isReceiverAtRest,
  isSenderAtRest,
  placeOf,
  type WsPlace,
  type WsWebSocket,
} from './ws-internals.ts';

export const KIND = 'websocket';

/** How long it may take at most until it is looked at again, in milliseconds, where nothing tells of a change. */
const LOOK_AGAIN = 5;

/** What goes with a WebSocket. Bytes are in base64. */
export interface WebSocketLuggage {
  /** Which of the servers given to keepWebSockets() it belongs to. */
  server: string;
  request: PackedUpgradeRequest;
  protocol: string;
  place: WsPlace;
  history?: PackedHistory | undefined;
  /** Bytes that were read but not handled. */
  unread: string;
  data?: string | undefined;
}

/** A WebSocket of ws. What its listeners for `message` return is noted: a promise of theirs is waited for. */
export class MovableWebSocket implements Movable {
  readonly work = 'a message';
  readonly #websocket: WsWebSocket;
  readonly #server: string;
  readonly #request: PackedUpgradeRequest;
  readonly #carried: CarriedData;
  readonly #history: InflateHistory | undefined;
  /** What its server itself does when it has closed: it counts one less. */
  readonly #onLeft: readonly unknown[];
  #data: string | undefined;
  #hasLeft = false;
  #handlers = 0;
  #waiting: (() => void)[] = [];

  /** In the turn in which it was made. `history`: of its client's messages, when they are compressed. */
  constructor(
    websocket: WsWebSocket,
    server: string,
    carried: CarriedData,
    request: IncomingMessage,
    history: InflateHistory | undefined,
  ) {
    this.#websocket = websocket;
    this.#server = server;
    this.#carried = carried;
    this.#request = packUpgradeRequest(request);
    this.#onLeft = websocket.listeners('close');
    this.#history = history;
    if (history) history.onChange = () => this.#changed();
    this.#followHandlers();
  }

  get isOpen(): boolean {
    return isConnected(this.#websocket) && (this.#hasLeft || isOpen(this.#websocket));
  }

  get isHandling(): boolean {
    return this.#handlers > 0 || this.isReading;
  }

  get isReading(): boolean {
    return !isReceiverAtRest(this.#websocket);
  }

  get isSending(): boolean {
    return !isSenderAtRest(this.#websocket);
  }

  change(): Promise<void> {
    return new Promise((resolve) => {
      const timer = this.isReading || this.isSending ? setTimeout(resolve, LOOK_AGAIN) : undefined;
      this.#waiting.push(() => {
        clearTimeout(timer);
        resolve();
      });
    });
  }

  leave(): void {
    this.#data = this.#carried.pack(this.#websocket);
    this.#hasLeft = true;
    close(this.#websocket);
    for (const listener of this.#onLeft) Reflect.apply(listener as () => void, this.#websocket, []);
    this.#websocket.emit('moved');
  }

  pack(unread: Buffer): Luggage {
    const luggage: WebSocketLuggage = {
      server: this.#server,
      request: this.#request,
      protocol: this.#websocket.protocol,
      place: placeOf(this.#websocket),
      history: this.#history?.packed,
      unread: Buffer.concat([bufferedBytes(this.#websocket), unread]).toString('base64'),
      data: this.#data,
    };
    abandon(this.#websocket);
    return { kind: KIND, data: luggage };
  }

  #changed(): void {
    // ws goes on in this turn.
    for (const resolve of this.#waiting.splice(0)) setImmediate(resolve);
  }

  /** As EventEmitter does it, which forgets what listeners return. */
  #followHandlers(): void {
    const websocket = this.#websocket;
    const { emit } = websocket;
    // A class that has its own way of telling keeps it.
    if (emit !== EventEmitter.prototype.emit) return;
    websocket.emit = (name: string | symbol, ...args: unknown[]): boolean => {
      if (name !== 'message') return Reflect.apply(emit, websocket, [name, ...args]) as boolean;
      const listeners = websocket.rawListeners(name);
      for (const listener of listeners) this.#follow(Reflect.apply(listener, websocket, args));
      return listeners.length > 0;
    };
  }

  #follow(result: unknown): void {
    if (!(result instanceof Promise)) return;
    this.#handlers++;
    const settle = (): void => {
      this.#handlers--;
      this.#changed();
    };
    // A rejection stays unhandled, as it is without this.
    result.then(settle, (error: unknown) => {
      settle();
      throw error;
    });
  }
}

/** One that has come, and of whose client a message must be inflated again before the app gets it. */
export class ArrivingWebSocket implements Movable {
  readonly work = 'a message';
  readonly isHandling = false;
  readonly isReading = false;
  readonly isSending = false;
  hasLeft = false;
  readonly #socket: Socket;
  readonly #luggage: WebSocketLuggage;

  constructor(socket: Socket, luggage: WebSocketLuggage) {
    this.#socket = socket;
    this.#luggage = luggage;
  }

  get isOpen(): boolean {
    return !this.#socket.destroyed;
  }

  change(): Promise<void> {
    return Promise.resolve();
  }

  leave(): void {
    this.hasLeft = true;
  }

  /** As it came. */
  pack(unread: Buffer): Luggage {
    const before = Buffer.from(this.#luggage.unread, 'base64');
    return { kind: KIND, data: { ...this.#luggage, unread: Buffer.concat([before, unread]).toString('base64') } };
  }
}
