import type { IncomingHttpHeaders, ServerHttp2Session, ServerHttp2Stream } from 'node:http2';
import type { Server, Socket } from 'node:net';
import { setReading } from './http-connections.ts';
import type { ProtocolPart } from './protocol-part.ts';

interface Session {
  session: ServerHttp2Session;
  /** What was asked for on the streams that have not ended. */
  streams: Map<ServerHttp2Stream, string>;
  /**
   * - open: its client begins streams here.
   * - told: it was told to begin no more.
   * - quiet: it has confirmed that, or could not do so in time.
   */
  state: 'open' | 'told' | 'quiet';
  /** Gives it back what it listens for, and the streams that came meanwhile. */
  release?: (isServed: boolean) => void;
}

/**
 * - serving: streams are begun.
 * - freezing: sessions are told to begin none, and those that are quiet are not read.
 * - ending: sessions are told, and closed when they are quiet.
 */
type Mode = 'serving' | 'freezing' | 'ending';

/** Of which every stream is one that was begun (RFC 9113, 6.8). */
const LAST_OF_ALL_STREAMS = 2 ** 31 - 1;
const NO_ERROR = 0;
const REFUSED_STREAM = 7;

/** How long a session with streams in flight is left alone: there are clients that fail what is in flight when they are told. */
const BUSY_GRACE = 50;
/** How long a client has for confirming that it was told, in milliseconds. */
const CONFIRM_TIMEOUT = 100;

/** On the socket of a session, which only the session can reach: all that is known of it there. */
const HAS_SESSION = Symbol('handover.hasSession');

/**
 * The HTTP/2 sessions of this process. A session can't move: its client is told to open another connection, and
 * what it had begun is finished. It is told in two steps, so that it loses no stream that it begins meanwhile: first
 * that it is to begin no more, with a ping that it answers after it has read that; then which stream was the last.
 */
export class Http2Sessions implements ProtocolPart {
  readonly #sessions = new Set<Session>();
  readonly #onChange: () => void;
  #mode: Mode = 'serving';
  /** What is begun now would be lost: the state was captured, or may be at any moment. */
  #isCaptured = false;
  /** Those with streams in flight are told, too. */
  #isUrgent = false;
  #timers: NodeJS.Timeout[] = [];

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

  freeze(): void {
    this.#begin('freezing');
  }

  thaw(): void {
    this.#begin('serving');
    this.#isCaptured = false;
    for (const session of this.#sessions) {
      // Its client opens another connection, but could go on with this one.
      session.state = 'open';
      session.release?.(true);
    }
  }

  end(): void {
    this.#isCaptured = this.#mode === 'freezing';
    for (const session of this.#sessions) session.release?.(false);
    this.#begin('ending');
  }

  *pending(isEnding: boolean): Generator<string, void> {
    for (const session of this.#sessions) {
      const inFlight = [...session.streams].filter(([stream, name]) => isEnding || !isEndless(stream, name));
      for (const [, name] of inFlight) yield name;
      if (inFlight.length > 0) continue;
      if (isEnding || session.state !== 'quiet') yield `an HTTP/2 session of ${clientOf(session)}`;
    }
  }

  cut(): void {
    for (const { session } of this.#sessions) session.destroy();
  }

  #add(session: ServerHttp2Session): void {
    const added: Session = { session, streams: new Map(), state: 'open' };
    this.#sessions.add(added);
    Object.assign(session.socket, { [HAS_SESSION]: true });
    session.on('stream', (stream, headers) => this.#follow(added, stream, headers));
    session.once('close', () => {
      this.#sessions.delete(added);
      this.#onChange();
    });
    if (this.#mode !== 'serving') this.#advance(added);
  }

  #follow(session: Session, stream: ServerHttp2Stream, headers: IncomingHttpHeaders): void {
    if (stream.closed) return;
    session.streams.set(stream, `${headers[':method']} ${headers[':path']}`);
    stream.once('close', () => {
      session.streams.delete(stream);
      if (this.#mode === 'serving') return;
      this.#advance(session);
      this.#onChange();
    });
  }

  #begin(mode: Mode): void {
    for (const timer of this.#timers.splice(0)) clearTimeout(timer);
    this.#mode = mode;
    this.#isUrgent = false;
    if (mode === 'serving') return;
    this.#later(BUSY_GRACE, () => (this.#isUrgent = true));
    this.#advanceAll();
  }

  #later(ms: number, action: () => void): void {
    this.#timers.push(
      setTimeout(() => {
        action();
        this.#advanceAll();
      }, ms),
    );
  }

  #advanceAll(): void {
    for (const session of this.#sessions) this.#advance(session);
    this.#onChange();
  }

  #advance(session: Session): void {
    if (this.#mode === 'serving' || session.session.destroyed) return;
    const isBusy = [...session.streams].some(([stream, name]) => !isEndless(stream, name));
    if (session.state === 'open' && (!isBusy || this.#isUrgent || this.#isCaptured)) this.#tell(session);
    if (this.#mode === 'freezing') {
      if (session.state === 'quiet') this.#hold(session, { isRead: isBusy });
      return;
    }
    for (const [stream, name] of session.streams) {
      if (!isEndless(stream, name) || stream.writableEnded) continue;
      // What the app writes to it from now on is no mistake of its own.
      stream.on('error', () => {});
      stream.end();
    }
    // What is begun after this, its client knows not to have been begun.
    if (session.state === 'quiet' || this.#isCaptured) session.session.close();
  }

  #tell(session: Session): void {
    session.state = session.session.closed ? 'quiet' : 'told';
    if (session.session.closed) return;
    session.session.goaway(NO_ERROR, LAST_OF_ALL_STREAMS);
    const confirm = (): void => {
      if (session.state === 'told') session.state = 'quiet';
    };
    this.#later(CONFIRM_TIMEOUT, confirm);
    session.session.ping(() => {
      confirm();
      this.#advance(session);
      this.#onChange();
    });
  }

  /**
   * Keeps back the streams of a client that begins some all the same. Not read from it would be enough, but a session
   * with something to write reads on when that is written.
   */
  #hold(session: Session, { isRead }: { isRead: boolean }): void {
    const { session: emitter } = session;
    if (!isRead) setReading(emitter.socket as Socket, false);
    if (session.release) return;
    const listeners = emitter.rawListeners('stream') as ((...args: unknown[]) => void)[];
    const held: [ServerHttp2Stream, ...unknown[]][] = [];
    emitter.removeAllListeners('stream');
    emitter.on('stream', (...args) => void held.push(args));
    session.release = (isServed) => {
      delete session.release;
      if (emitter.destroyed) return;
      if (isServed) {
        emitter.removeAllListeners('stream');
        for (const listener of listeners) emitter.on('stream', listener);
        for (const args of held) emitter.emit('stream', ...args);
      } else {
        for (const [stream] of held) refuse(stream);
        emitter.removeAllListeners('stream');
        emitter.on('stream', refuse);
      }
      setReading(emitter.socket as Socket, true);
    };
  }
}

/** A stream that never ends by itself, events or a tunnel (RFC 8441): its client is made to reconnect. */
function isEndless(stream: ServerHttp2Stream, name: string): boolean {
  return name.startsWith('CONNECT ') || /^text\/event-stream/i.test(String(stream.sentHeaders?.['content-type']));
}

/** Its client may repeat it elsewhere: that says that nothing has been done about it. */
function refuse(stream: ServerHttp2Stream): void {
  stream.on('error', () => {});
  stream.close(REFUSED_STREAM);
}

function clientOf({ session }: Session): string {
  return session.socket.remoteAddress ?? 'a local client';
}
