import { EventEmitter } from 'node:events';
import type { IncomingMessage } from 'node:http';
import { Duplex, type Writable } from 'node:stream';
import type { Socket } from 'node:net';
import { HandoverError } from '../../errors.ts';

/**
 * What handover must know of the npm package ws beyond its public API. Read from lib/websocket-server.js, websocket.js,
 * receiver.js, sender.js and permessage-deflate.js of ws 8.0.0, 8.5.0, 8.13.0, 8.16.0, 8.17.1, 8.18.0, 8.18.3, 8.20.0 and
 * 8.23.0.
 */
export interface WsServer extends EventEmitter {
  options: { maxPayload?: number; perMessageDeflate?: boolean | object };
  clients?: Set<WsWebSocket>;
  /** 0: it takes connections. */
  _state?: number;
  handleUpgrade(request: IncomingMessage, socket: Duplex, head: Buffer, callback: OnUpgraded): void;
  /** Answers with 101 and makes the WebSocket. */
  completeUpgrade(
    extensions: WsExtensions,
    key: string,
    protocols: Set<string>,
    request: IncomingMessage,
    socket: Duplex,
    head: Buffer,
    callback: OnUpgraded,
  ): void;
}

type OnUpgraded = (socket: WsWebSocket, request: IncomingMessage) => void;

export interface WsWebSocket extends EventEmitter {
  readonly readyState: number;
  readonly protocol: string;
  _readyState: number;
  _protocol: string;
  _extensions: WsExtensions;
  _receiver: Receiver;
  _sender: Sender;
  _socket: Socket;
}

export interface WsExtensions {
  'permessage-deflate'?: WsDeflate;
}

type Compressed = (error: Error | null, result: Buffer) => void;

export interface WsDeflate {
  params: Record<string, unknown>;
  compress(data: unknown, fin: boolean, callback: Compressed): void;
  decompress(data: Buffer, fin: boolean, callback: Compressed): void;
  cleanup(): void;
}

type DeflateClass = new (options: object, isServer: boolean, maxPayload: number | undefined) => WsDeflate;

/** Where a server is in the stream of its client's frames: what of it JSON can carry. */
const RECEIVER_FIELDS: readonly string[] = [
  ...['_state', '_compressed', '_payloadLength', '_fragmented', '_masked', '_fin', '_opcode'],
  ...['_totalPayloadLength', '_messageLength'],
];
/** Not in every version. */
const LATER_FIELDS: readonly string[] = ['_numFragments'];
const SENDER_FIELDS: readonly string[] = ['_firstFragment', '_compress'];

interface Receiver extends Writable {
  _compressed: boolean;
  _bufferedBytes: number;
  /** What has come of a frame that is not whole, without its head. */
  _buffers: Buffer[];
  /** What has come of a message that is not whole. */
  _fragments: Buffer[];
  _mask?: Buffer | undefined;
}

interface Sender {
  _queue: unknown[];
  /** 0: nothing is being compressed. Up to 8.17 `_deflating`. */
  _state?: number;
  _deflating?: boolean;
}

const OPEN = 1;
const CLOSED = 3;

/** A place in both streams of messages, in a form that JSON can carry. */
export interface WsPlace {
  receiver: Record<string, unknown>;
  sender: Record<string, unknown>;
  /** The masking key of the frame that has begun, in base64. */
  mask?: string | undefined;
  /** What has come of a message that is not compressed, in base64. */
  fragments: string[];
}

/** Whether a server takes connections, and someone is told of them. */
export function isListening(server: WsServer): boolean {
  return !server._state && server.listenerCount('connection') > 0;
}

/** Whether the app has not begun to end it. */
export function isOpen({ readyState }: WsWebSocket): boolean {
  return readyState === OPEN;
}

/** Whether its client has not begun to end it. */
export function isConnected({ _receiver: receiver, _socket: socket }: WsWebSocket): boolean {
  return !socket.destroyed && !receiver.writableEnded && !receiver.errored;
}

/** Whether all that was read has been given to the app, as far as it is whole messages. */
export function isReceiverAtRest({ _receiver: receiver }: WsWebSocket): boolean {
  return receiver.writableLength === 0;
}

/** Whether all that was sent has been written to the socket. */
export function isSenderAtRest({ _sender: sender }: WsWebSocket): boolean {
  return !(sender._state ?? sender._deflating) && sender._queue.length === 0;
}

/** What the receiver has of a frame that is not whole. */
export function bufferedBytes({ _receiver: receiver }: WsWebSocket): Buffer {
  return Buffer.concat(receiver._buffers);
}

export function placeOf({ _receiver: receiver, _sender: sender }: WsWebSocket): WsPlace {
  return {
    receiver: fieldsOf(receiver, [...RECEIVER_FIELDS, ...LATER_FIELDS]),
    sender: fieldsOf(sender, SENDER_FIELDS),
    mask: receiver._mask?.toString('base64'),
    // What is compressed is inflated again, from the beginning of its message.
    fragments: receiver._compressed ? [] : receiver._fragments.map((fragment) => fragment.toString('base64')),
  };
}

function fieldsOf(object: object, fields: readonly string[]): Record<string, unknown> {
  return Object.fromEntries(fields.map((field) => [field, (object as Record<string, unknown>)[field]]));
}

/** Lets a new WebSocket go on where another was. `inflated`: what has come of a compressed message. */
function putAt({ _receiver: receiver, _sender: sender }: WsWebSocket, place: WsPlace, inflated: Buffer): void {
  Object.assign(receiver, place.receiver);
  Object.assign(sender, place.sender);
  receiver._mask = place.mask === undefined ? undefined : Buffer.from(place.mask, 'base64');
  receiver._fragments = place.fragments.map((fragment) => Buffer.from(fragment, 'base64'));
  if (inflated.length > 0) receiver._fragments.push(inflated);
}

/** What a WebSocket is made of that goes on where another was. */
export interface WsParts {
  server: WsServer;
  request: IncomingMessage;
  socket: Socket;
  protocol: string;
  deflate: WsDeflate | undefined;
  place: WsPlace;
  /** What has come of a compressed message. */
  inflated: Buffer;
  /** Bytes that the one before has read but not handled. */
  unread: Buffer;
}

/** Makes a WebSocket as the server itself does, but its client is not answered again. undefined: the client has gone. */
export function makeWebSocket(parts: WsParts): WsWebSocket | undefined {
  const { server, request, socket, protocol, deflate, place, inflated, unread } = parts;
  let made: WsWebSocket | undefined;
  const extensions = deflate ? { 'permessage-deflate': deflate } : {};
  socket.write = () => true;
  try {
    // Without protocols, for which the app would be asked.
    server.completeUpgrade(extensions, '', new Set(), request, socket, unread, (websocket) => (made = websocket));
  } finally {
    delete (socket as Partial<Socket>).write;
  }
  if (!made) return undefined;
  made._protocol = protocol;
  putAt(made, place, inflated);
  return made;
}

/** Makes the compression of a connection that has agreed on it in another process. */
export function makeDeflate(
  { options: { perMessageDeflate, maxPayload } }: WsServer,
  params: Record<string, unknown>,
  history: Buffer,
): WsDeflate {
  const own = (typeof perMessageDeflate === 'object' ? perMessageDeflate : {}) as { zlibInflateOptions?: object };
  // Without it what its client sends can't be understood: it refers to what it has sent before.
  const zlibInflateOptions = { ...own.zlibInflateOptions, ...(history.length > 0 && { dictionary: history }) };
  const Deflate = deflateClass as DeflateClass;
  const deflate = new Deflate({ ...own, zlibInflateOptions, isServer: true, maxPayload }, true, maxPayload);
  deflate.params = params;
  return deflate;
}

/** Makes a WebSocket look closed to the app, without a `close` event. What it has sent is sent. */
export function close(websocket: WsWebSocket): void {
  websocket._readyState = CLOSED;
}

/** Gives up a WebSocket whose connection has left. */
export function abandon(websocket: WsWebSocket): void {
  websocket._extensions['permessage-deflate']?.cleanup();
  websocket._receiver.removeAllListeners();
}

let deflateClass: DeflateClass | undefined;
const checked = new WeakSet<object>();

const SAMPLE_HEADERS = {
  upgrade: 'websocket',
  connection: 'Upgrade',
  'sec-websocket-key': 'dGhlIHNhbXBsZSBub25jZQ==',
  'sec-websocket-version': '13',
  'sec-websocket-extensions': 'permessage-deflate',
};

/** Throws HandoverError WS_UNSUPPORTED when a server is of a version of ws whose connections can't be moved. */
export function checkWs(server: WsServer): void {
  let proto: object = server;
  while (!Object.hasOwn(proto, 'completeUpgrade')) {
    const above = Object.getPrototypeOf(proto) as object | null;
    if (!above) throw unsupported('completeUpgrade()');
    proto = above;
  }
  if (checked.has(proto)) return;
  const sample = sampleOf(proto.constructor as new (options: object) => WsServer);
  const missing = sample && missingIn(sample);
  if (!sample || missing) throw unsupported(missing ?? 'a handshake that can be completed');
  deflateClass = (sample._extensions['permessage-deflate'] as WsDeflate).constructor as DeflateClass;
  checked.add(proto);
}

/** A WebSocket that is connected to nothing. */
function sampleOf(Server: new (options: object) => WsServer): WsWebSocket | undefined {
  let sample: WsWebSocket | undefined;
  const server = new Server({ noServer: true, perMessageDeflate: true, clientTracking: false });
  const socket = new Duplex({ read() {}, write: (_chunk, _encoding, done) => done(), emitClose: false });
  const stub = { setTimeout() {}, setNoDelay() {} };
  const request = { method: 'GET', url: '/', headers: SAMPLE_HEADERS } as unknown as IncomingMessage;
  server.handleUpgrade(request, Object.assign(socket, stub), Buffer.alloc(0), (made) => (sample = made));
  socket.removeAllListeners();
  return sample;
}

/** The first thing that is not there. */
function missingIn(sample: WsWebSocket): string | undefined {
  const { _receiver: receiver, _sender: sender, _extensions: extensions } = sample;
  const deflate = extensions?.['permessage-deflate'];
  const needed: [name: string, object: object | undefined, fields: readonly string[]][] = [
    ['', sample, ['_readyState', '_protocol', '_socket', '_receiver', '_sender', '_extensions']],
    [
      '_receiver.',
      receiver,
      [...RECEIVER_FIELDS, '_bufferedBytes', '_buffers', '_fragments', '_mask', 'writableLength'],
    ],
    ['_sender.', sender, [...SENDER_FIELDS, '_queue', '_state' in sender ? '_state' : '_deflating']],
    ["_extensions['permessage-deflate'].", deflate, ['params', 'compress', 'decompress', 'cleanup']],
  ];
  for (const [name, object, fields] of needed) {
    const missing = fields.find((field) => !object || !(field in object));
    if (missing) return name + missing;
  }
  return undefined;
}

function unsupported(missing: string): HandoverError {
  return new HandoverError(
    'WS_UNSUPPORTED',
    `keepWebSockets(): this WebSocketServer has no ${missing}, by which a connection moves with its place in the stream of messages; use a version of ws 8 that handover was tested with (8.0.0 to 8.23.0)`,
  );
}
