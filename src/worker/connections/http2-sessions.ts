import type { IncomingHttpHeaders, ServerHttp2Session, ServerHttp2Stream } from 'node:http2';
import type { Server, Socket } from 'node:net';
import { setReading } from './http-connections.ts';
import type { ProtocolPart } from './protocol-part.ts';

interface Session {
  session: ServerHttp2Session;
  client: string;
  /** What was asked for on the streams that have not ended. */
  streams: Map<ServerHttp2Stream, string>;
  /**
   * - open: its client begins streams here.
   * - told: it was told to begin no more.
   * - quiet: it has confirmed that, or could not do so in time.
   */
  state: 'open' | 'told' | 'quiet';
  /** When its last stream ended, as performance.now() tells. */
  lastEnd: number;
  /** How long its confirmation is waited for. */
  confirming?: NodeJS.Timeout;
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

/** Milliseconds that sessions are given. While they freeze, the state is waited for. */
interface Patience {
  /**
   * A client that was answered a moment ago may be about to begin the next stream, which it would lose when it were told
   * just now: it is told when that has come, or does not come within this time.
   */
  aboutToBegin: number;
  /** For confirming that it was told. One that sleeps must not make a long pause. */
  confirm: number;
}

const PATIENCE: Record<Mode, Patience> = {
  serving: { aboutToBegin: Infinity, confirm: 2000 },
  freezing: { aboutToBegin: 100, confirm: 200 },
  ending: { aboutToBegin: 500, confirm: 2000 },
};

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
  /** Those that may be about to begin a stream are told, too. */
  #isUrgent = false;
  #urgent: NodeJS.Timeout | undefined;

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
    for (const session of this.#sessions) {
      session.release?.(true);
      // It was told in vain, and goes on alone to its end.
      if (session.state === 'quiet') this.#ask(session);
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
      if (isEnding || session.state !== 'quiet') yield `an HTTP/2 session of ${session.client}`;
    }
  }

  cut(): void {
    for (const { session } of this.#sessions) session.destroy();
  }

  #add(session: ServerHttp2Session): void {
    const client = session.socket.remoteAddress ?? 'a local client';
    const added: Session = { session, client, streams: new Map(), state: 'open', lastEnd: 0 };
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
    if (stream.closed || session.session.destroyed) return;
    session.streams.set(stream, `${headers[':method']} ${headers[':path']}`);
    // This goes out before any answer that its client could begin the next one after.
    if (this.#mode !== 'serving' && session.state === 'open') this.#tell(session);
    stream.once('close', () => {
      session.streams.delete(stream);
      session.lastEnd = performance.now();
      if (this.#mode === 'serving' && session.state === 'open') return;
      if (session.state === 'told') readOn(session);
      this.#advance(session);
      this.#onChange();
    });
  }

  #begin(mode: Mode): void {
    clearTimeout(this.#urgent);
    this.#mode = mode;
    this.#isUrgent = false;
    if (mode === 'serving') return;
    this.#urgent = setTimeout(() => {
      this.#isUrgent = true;
      this.#advanceAll();
    }, PATIENCE[mode].aboutToBegin);
    this.#advanceAll();
  }

  #advanceAll(): void {
    for (const session of this.#sessions) this.#advance(session);
    this.#onChange();
  }

  #advance(session: Session): void {
    if (session.session.destroyed) return;
    const isBusy = [...session.streams].some(([stream, name]) => !isEndless(stream, name));
    const { aboutToBegin } = PATIENCE[this.#mode];
    const isResting = session.streams.size === 0 && performance.now() - session.lastEnd > aboutToBegin;
    if (session.state === 'open' && (isResting || this.#isUrgent || this.#isCaptured)) this.#tell(session);
    if (this.#mode === 'ending') endEndless(session);
    if (this.#mode === 'freezing') {
      if (session.state === 'quiet') this.#hold(session, { isRead: isBusy });
    } else if (session.state === 'quiet' || this.#isCaptured) {
      // What is begun after this, its client knows not to have been begun.
      session.session.close();
    }
  }

  #tell(session: Session): void {
    if (!session.session.closed) session.session.goaway(NO_ERROR, LAST_OF_ALL_STREAMS);
    this.#ask(session);
  }

  #ask(session: Session): void {
    session.state = 'told';
    const confirm = (): void => {
      if (session.state !== 'told') return;
      session.state = 'quiet';
      this.#advance(session);
      this.#onChange();
    };
    clearTimeout(session.confirming);
    session.confirming = setTimeout(confirm, PATIENCE[this.#mode].confirm).unref();
    // One that its client has closed is quiet, too.
    if (session.session.closed) setImmediate(confirm);
    else session.session.ping((error) => error ?? confirm());
    readOn(session);
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

function endEndless({ streams }: Session): void {
  for (const [stream, name] of streams) {
    if (!isEndless(stream, name) || stream.writableEnded) continue;
    // What the app writes to it from now on is no mistake of its own.
    stream.on('error', () => {});
    stream.end();
  }
}

/**
 * To the library below, a session with no stream that was told is at its end, and is not read any more (nghttp2,
 * nghttp2_session_want_read): what its client has begun meanwhile would never come, nor would its confirmation.
 */
function readOn(told: Session): void {
  setImmediate(() => {
    const { session, state } = told;
    if (state === 'told' && !session.destroyed) setReading(session.socket as Socket, true);
  });
}

/** Its client may repeat it elsewhere: that says that nothing has been done about it. */
function refuse(stream: ServerHttp2Stream): void {
  stream.on('error', () => {});
  stream.close(REFUSED_STREAM);
}
