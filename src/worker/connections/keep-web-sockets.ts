import type { Socket } from 'node:net';
import { inspect } from 'node:util';
import { HandoverError } from '../../errors.ts';
import type { KeepWebSocketsOptions } from '../app-host.ts';
import { adopt } from './adopt.ts';
import { CarriedData } from './carried-data.ts';
import type { Connections } from './connections.ts';
import { InflateHistory } from './inflate-history.ts';
import { ArrivingWebSocket, KIND, MovableWebSocket, type WebSocketLuggage } from './movable-web-socket.ts';
import { unpackUpgradeRequest } from './upgrade-request.ts';
import { SERVICE_RESTART } from './web-socket-output.ts';
import { checkWs, isListening, makeDeflate, makeWebSocket, type WsServer } from './ws-internals.ts';

/** Throws HandoverError INVALID_OPTION. */
export function checkKeepWebSockets(server: unknown, { name, save }: KeepWebSocketsOptions): void {
  const { handleUpgrade, on } = (server ?? {}) as Partial<WsServer>;
  if (typeof handleUpgrade !== 'function' || typeof on !== 'function') {
    throw new HandoverError(
      'INVALID_OPTION',
      `keepWebSockets(): expected a WebSocketServer of the package ws, got ${inspect(server, { depth: -1 })}`,
    );
  }
  if (name !== undefined && (typeof name !== 'string' || name === '')) {
    throw new HandoverError(
      'INVALID_OPTION',
      `keepWebSockets(): expected name to be a string that is not empty, got ${inspect(name)}`,
    );
  }
  if (save !== undefined && typeof save !== 'function') {
    throw new HandoverError('INVALID_OPTION', `keepWebSockets(): expected save to be a function, got ${typeof save}`);
  }
}

interface KeptServer {
  server: WsServer;
  key: string;
  data: CarriedData;
}

/** The servers whose WebSockets move (see keepWebSockets in run-worker.ts). */
export class KeptWebSockets {
  readonly #connections: Connections;
  readonly #warn: (message: string) => void;
  readonly #servers = new Map<string, KeptServer>();
  #unnamed = 0;

  constructor(connections: Connections, warn: (message: string) => void) {
    this.#connections = connections;
    this.#warn = warn;
    connections.unpackers.set(KIND, (luggage, { handle }, listener) => {
      const socket = adopt(handle, listener);
      if (socket) void this.#unpack(luggage as WebSocketLuggage, socket);
    });
  }

  /** Throws HandoverError WS_UNSUPPORTED, or INVALID_OPTION when there is one of that name. */
  add(server: WsServer, { name, save }: KeepWebSocketsOptions): void {
    if ([...this.#servers.values()].some((kept) => kept.server === server)) return;
    checkWs(server);
    const key = name ?? `#${++this.#unnamed}`;
    if (this.#servers.has(key)) {
      throw new HandoverError(
        'INVALID_OPTION',
        `keepWebSockets(): there is a server of the name ${inspect(key)} already; give each another one`,
      );
    }
    const kept = { server, key, data: new CarriedData('keepWebSockets()', save, this.#warn) };
    this.#servers.set(key, kept);
    const { handleUpgrade } = server;
    server.handleUpgrade = (request, socket, head, callback) => {
      handleUpgrade.call(server, request, socket, head, (websocket, ...rest) => {
        const deflate = websocket._extensions['permessage-deflate'];
        const history = deflate && new InflateHistory(deflate);
        const movable = new MovableWebSocket(websocket, key, kept.data, request, history);
        this.#connections.setMovable(socket as Socket, movable);
        callback(websocket, ...rest);
      });
    };
  }

  #unpack(luggage: WebSocketLuggage, socket: Socket): void {
    const output = this.#connections.upgraded.setWebSocket(socket, 'open');
    const dismiss = (): void => {
      // Its client may send what nobody reads.
      socket.on('error', () => {}).resume();
      output.close(SERVICE_RESTART);
    };
    const kept = this.#servers.get(luggage.server);
    if (!kept || !isListening(kept.server)) {
      dismiss();
      return;
    }
    const { params, window, unfinished } = luggage.history ?? { window: '', unfinished: [] };
    const known = Buffer.from(window, 'base64');
    const history = params && new InflateHistory(makeDeflate(kept.server, params, known), known);
    if (!history || unfinished.length === 0) {
      this.#takeOver(kept, luggage, socket, history);
      return;
    }
    const arriving = new ArrivingWebSocket(socket, luggage);
    this.#connections.setMovable(socket, arriving);
    const goOn = (inflated: Buffer): void => {
      if (!arriving.hasLeft) this.#takeOver(kept, luggage, socket, history, inflated);
    };
    // What the app throws is not to become a rejection.
    history.inflateAgain(unfinished).then((inflated) => setImmediate(goOn, inflated), dismiss);
  }

  #takeOver(
    { server, key, data }: KeptServer,
    luggage: WebSocketLuggage,
    socket: Socket,
    history: InflateHistory | undefined,
    inflated: Buffer = Buffer.alloc(0),
  ): void {
    const { protocol, place } = luggage;
    const request = unpackUpgradeRequest(luggage.request, socket);
    const unread = Buffer.from(luggage.unread, 'base64');
    const deflate = history?.deflate;
    const websocket = makeWebSocket({ server, request, socket, protocol, deflate, place, inflated, unread });
    if (!websocket) return;
    this.#connections.setMovable(socket, new MovableWebSocket(websocket, key, data, request, history));
    server.emit('connection', websocket, request, { data: data.unpack(luggage.data) });
  }
}
