import type { IncomingHttpHeaders, ServerHttp2Session, ServerHttp2Stream } from 'node:http2';
import type { Server, Socket } from 'node:net';
import type { ProtocolPart } from './protocol-part.ts';

interface Session {
  session: ServerHttp2Session;
  client: string;
  /** What was asked for on the streams that have not ended. */
  streams: Map<ServerHttp2Stream, string>;
  /** When its last stream ended, as performance.now() tells. */
  lastEnd: number;
  /** Its client is being told. */
  isClosing: boolean;
}

type Mode = 'serving' | 'freezing' | 'ending';

/**
 * A client that was answered a moment ago may have its next stream on the way, which it would lose when its session were
 * closed just now: that waits until the stream has come, or does not come within this time, in milliseconds.
 */
const ABOUT_TO_BEGIN = 100;
const ABOUT_TO_BEGIN_AT_LEISURE = 500;

/** Whose id no stream of a client exceeds. */
const LAST_OF_ALL_STREAMS = 2 ** 31 - 1;
const NO_ERROR = 0;

/** On the socket of a session, which only the session can reach: all that is known of it there. */
const HAS_SESSION = Symbol('handover.hasSession');

/**
 * The HTTP/2 sessions of this process. A session can't move. It is closed: its client learns which stream was the last
 * (GOAWAY), may repeat elsewhere what it has begun after that, and opens another session; what was begun before is
 * finished. RFC 9113 (6.8) advises to take what comes in the time until the client has learnt it. That can't be had: once
 * the first GOAWAY is sent, the library below ignores new streams (nghttp2, session_allow_incoming_new_stream).
 */
export class Http2Sessions implements ProtocolPart {
  readonly #sessions = new Set<Session>();
  readonly #onChange: () => void;
  #mode: Mode = 'serving';
  /** A session is at rest when its last stream ended longer ago than this, in milliseconds. */
  #rest = 0;
  #closing: NodeJS.Timeout | undefined;

  /** `onChange` is called when what is waited for may have ended. */
  constructor(onChange: () => void) {
    this.#onChange = onChange;
  }

  /** Whether a connection belongs to a session. */
  static owns(socket: Socket): boolean {
    return HAS_SESSION in socket;
  }

  /** Every server that listens: only one of HTTP/2 has sessions. */
  watch(server: Server): void {
    server.on('session', (session: ServerHttp2Session) => this.#add(session));
  }

  freeze(timeout: number): void {
    this.#begin('freezing', Math.min(ABOUT_TO_BEGIN, timeout / 2));
  }

  /** What was closed meanwhile stays so: its client opens another session. */
  thaw(): void {
    this.#begin('serving');
  }

  end(): void {
    // Without a state to wait for there is time.
    this.#begin('ending', this.#mode === 'freezing' ? 0 : ABOUT_TO_BEGIN_AT_LEISURE);
    for (const { streams } of this.#sessions)
      for (const [stream, name] of streams) if (isEndless(stream, name)) end(stream);
  }

  *pending(isEnding: boolean): Generator<string, void> {
    for (const { session, streams, client } of this.#sessions) {
      for (const [stream, name] of streams) if (isEnding || !isEndless(stream, name)) yield name;
      // One without streams is closed as soon as its client has read that.
      if (isEnding ? streams.size === 0 : !session.closed) yield `an HTTP/2 session of ${client}`;
    }
  }

  cut(): void {
    for (const { session } of this.#sessions) session.destroy();
  }

  #add(session: ServerHttp2Session): void {
    // By a listener of the app: it has no socket any more.
    if (session.destroyed) return;
    const client = session.socket.remoteAddress ?? 'a local client';
    const added: Session = { session, client, streams: new Map(), lastEnd: 0, isClosing: false };
    this.#sessions.add(added);
    Object.assign(session.socket, { [HAS_SESSION]: true });
    session.on('stream', (stream, headers) => this.#follow(added, stream, headers));
    session.once('close', () => {
      this.#sessions.delete(added);
      this.#onChange();
    });
    this.#closeAtRest(added);
  }

  #follow(followed: Session, stream: ServerHttp2Stream, headers: IncomingHttpHeaders): void {
    const { streams } = followed;
    // Its client learns of it before any answer after which it could begin the next stream.
    if (this.#mode !== 'serving') this.#close(followed);
    if (stream.closed) return;
    streams.set(stream, `${headers[':method']} ${headers[':path']}`);
    stream.once('close', () => {
      streams.delete(stream);
      followed.lastEnd = performance.now();
      if (this.#mode !== 'serving') this.#onChange();
    });
  }

  #begin(mode: Mode, rest = 0): void {
    clearTimeout(this.#closing);
    this.#mode = mode;
    this.#rest = rest;
    if (mode === 'serving') return;
    for (const session of this.#sessions) this.#closeAtRest(session);
    this.#closing = setTimeout(() => {
      for (const session of this.#sessions) this.#close(session);
    }, rest);
  }

  #closeAtRest(session: Session): void {
    if (this.#mode === 'serving') return;
    if (session.streams.size === 0 && performance.now() - session.lastEnd >= this.#rest) this.#close(session);
  }

  #close(closing: Session): void {
    const { session } = closing;
    if (closing.isClosing || session.closed || session.destroyed) return;
    closing.isClosing = true;
    // Not at once: what has arrived already, and is read before that is sent, is taken.
    session.goaway(NO_ERROR, LAST_OF_ALL_STREAMS);
    setImmediate(() => {
      session.close();
      this.#onChange();
    });
  }
}

/** A stream that never ends by itself, events or a tunnel (RFC 8441): its client is made to reconnect. */
function isEndless(stream: ServerHttp2Stream, name: string): boolean {
  return name.startsWith('CONNECT ') || /^text\/event-stream/i.test(String(stream.sentHeaders?.['content-type']));
}

function end(stream: ServerHttp2Stream): void {
  // What the app writes to it from now on is no mistake of its own.
  stream.on('error', () => {});
  stream.end();
}
