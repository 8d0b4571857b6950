import type { Socket } from 'node:net';

/** Close codes (RFC 6455, and the registry of IANA). */
export const GOING_AWAY: CloseCode = 1001;
export const SERVICE_RESTART: CloseCode = 1012;

const REASON = { 1001: 'going away', 1012: 'service restart' } as const;
export type CloseCode = keyof typeof REASON;

/** How long a client has to answer a close frame, in milliseconds. */
const CLOSE_TIMEOUT = 1000;

const END_OF_HEAD = '\r\n\r\n';
/** A longer answer is none that makes a WebSocket. */
const LONGEST_HEAD = 64 * 1024;

const CLOSE = 0x8;

/** An unmasked close frame, as a server sends it. */
export function closeFrame(code: CloseCode): Buffer {
  const reason = Buffer.from(REASON[code]);
  return Buffer.concat([Buffer.from([0x80 | CLOSE, 2 + reason.length, code >> 8, code & 0xff]), reason]);
}

/**
 * - asked: its client has asked for a WebSocket, the app has not answered yet.
 * - open: the app has answered with 101.
 * - closing: a close frame was written, by the app or by close().
 * - other: it has become something else.
 */
type OutputState = 'asked' | 'open' | 'closing' | 'other';

/**
 * Follows what is written to a WebSocket, by whatever library or proxy, so that it can be closed between two frames. It
 * looks at the first bytes of each frame only.
 */
export class WebSocketOutput {
  readonly #socket: Socket;
  readonly #onAnswer: () => void;
  #state: OutputState;
  /** The head of the answer, or of a frame, as far as it was written. */
  #head: Buffer = Buffer.alloc(0);
  /** Bytes of the frame that are still to be written. */
  #missing = 0;
  #closeWith: CloseCode | undefined;
  #isClosed = false;

  /** `onAnswer`: the app has answered, in one way or another. */
  constructor(socket: Socket, state: 'asked' | 'open', onAnswer: () => void = () => {}) {
    this.#socket = socket;
    this.#state = state;
    this.#onAnswer = onAnswer;
    const { write } = socket;
    socket.write = ((chunk: Buffer | string, ...rest: [BufferEncoding?, (() => void)?]) => {
      if (this.#isClosed) {
        // Nothing may follow a close frame.
        const callback = rest.find((argument): argument is () => void => typeof argument === 'function');
        if (callback) process.nextTick(callback);
        return true;
      }
      const hasRoom = Reflect.apply(write, socket, [chunk, ...rest]) as boolean;
      this.#read(typeof chunk === 'string' ? Buffer.from(chunk, encodingOf(rest)) : chunk);
      this.#closeAtBoundary();
      return hasRoom;
    }) as Socket['write'];
  }

  /** Whether the app is still to answer. */
  get isAsked(): boolean {
    return this.#state === 'asked';
  }

  /**
   * Sends a close frame as soon as no frame is half written, and ends the connection when its client has answered, or
   * shortly after.
   */
  close(code: CloseCode): void {
    if (this.#closeWith) return;
    this.#closeWith = code;
    if (this.#state === 'other') this.#socket.end();
    else setTimeout(() => this.#socket.destroySoon(), CLOSE_TIMEOUT).unref();
    this.#closeAtBoundary();
  }

  #closeAtBoundary(): void {
    if (!this.#closeWith || this.#state !== 'open' || this.#missing > 0 || this.#head.length > 0) return;
    this.#socket.write(closeFrame(this.#closeWith));
    this.#isClosed = true;
  }

  #read(bytes: Uint8Array): void {
    let rest = bytes;
    if (this.#state === 'asked') rest = this.#readAnswer(bytes);
    while (rest.length > 0 && this.#state === 'open') {
      if (this.#missing > 0) {
        const length = Math.min(this.#missing, rest.length);
        this.#missing -= length;
        rest = rest.subarray(length);
      } else {
        this.#head = Buffer.concat([this.#head, rest.subarray(0, 1)]);
        rest = rest.subarray(1);
        this.#readFrameHead();
      }
    }
  }

  /** Returns what comes after it. */
  #readAnswer(bytes: Uint8Array): Uint8Array {
    const text = Buffer.concat([this.#head, bytes]);
    const end = text.indexOf(END_OF_HEAD);
    if (end < 0 && text.length < LONGEST_HEAD) {
      this.#head = text;
      return text.subarray(text.length);
    }
    this.#head = Buffer.alloc(0);
    this.#state = text.toString('latin1', 0, 13) === 'HTTP/1.1 101 ' ? 'open' : 'other';
    this.#onAnswer();
    return text.subarray(end + END_OF_HEAD.length);
  }

  #readFrameHead(): void {
    const head = this.#head;
    if (head.length < 2) return;
    const short = head.readUInt8(1) & 0x7f;
    const lengthBytes = short === 126 ? 2 : short === 127 ? 8 : 0;
    const maskBytes = head.readUInt8(1) & 0x80 ? 4 : 0;
    if (head.length < 2 + lengthBytes + maskBytes) return;
    if (short === 126) this.#missing = head.readUInt16BE(2);
    else if (short === 127) this.#missing = Number(head.readBigUInt64BE(2));
    else this.#missing = short;
    this.#head = Buffer.alloc(0);
    if ((head.readUInt8(0) & 0x0f) === CLOSE) this.#state = 'closing';
  }
}

function encodingOf([encoding]: [BufferEncoding?, (() => void)?]): BufferEncoding {
  return typeof encoding === 'string' ? encoding : 'utf8';
}
