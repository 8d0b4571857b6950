import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import { pathToFileURL } from 'node:url';
import { WebSocket, WebSocketServer } from 'ws';
import { HandoverError } from '../../errors.ts';
import { withTimeout } from '../../timers.ts';
import type { WorkerHandle } from '../worker-handle.ts';
import { DebugSession } from './debug-session.ts';
import { answerDiscovery, isAllowed } from './discovery.ts';

export interface InspectorOptions {
  /** `host:port`. */
  address: string;
  /** The app's entry. */
  exec: string;
  /** Each generation waits for a debugger and breaks at its first line. */
  breaks: boolean;
  /** A generation waits for a debugger to attach. */
  onWait: (generation: number) => void;
}

/** A process that does not answer a debugger by then (in milliseconds) goes on without; it may have been stopped. */
const ATTACH_TIMEOUT = 2000;

/** A heap snapshot has no largest size. */
const WEB_SOCKETS = { perMessageDeflate: false, maxPayload: 0 };

/** The one address at which debuggers find the app, whichever process runs it: what is said is passed on to that one. */
export class Inspector {
  readonly #options: InspectorOptions;
  readonly #id = randomUUID();
  readonly #http: Server;
  readonly #webSockets = new WebSocketServer({ noServer: true, ...WEB_SOCKETS });
  readonly #sessions = new Set<DebugSession>();
  #worker: WorkerHandle | undefined;
  #onRelease: (() => void) | undefined;

  /** Throws HandoverError INSPECTOR_UNAVAILABLE when the address can't be listened on. */
  static async open(options: InspectorOptions): Promise<Inspector> {
    const inspector = new Inspector(options);
    const { host, port } = partsOf(options.address);
    try {
      inspector.#http.listen({ host: host.replace(/^\[|\]$/g, ''), port });
      await once(inspector.#http, 'listening');
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      throw new HandoverError(
        'INSPECTOR_UNAVAILABLE',
        `no debugger can attach at ${options.address} (${code}); is another process debugged there? give it another port, such as --inspect=${port + 1}`,
        { cause: error },
      );
    }
    return inspector;
  }

  private constructor(options: InspectorOptions) {
    this.#options = options;
    const { exec } = options;
    const worker = (): string | undefined => this.#worker?.inspectorUrl;
    this.#http = createServer((request, response) =>
      answerDiscovery(request, response, { id: this.#id, exec, worker }),
    );
    this.#http.on('upgrade', (request, socket, head) => {
      if (isAllowed(request) && request.url === `/${this.#id}`) {
        this.#webSockets.handleUpgrade(request, socket, head, (debuggerSocket) => this.#add(debuggerSocket));
      } else {
        socket.on('error', () => {}).end('HTTP/1.1 400 Bad Request\r\n\r\n');
      }
    });
  }

  /** What a debugger connects to. */
  get url(): string {
    return `ws://${this.#authority}/${this.#id}`;
  }

  get isAttached(): boolean {
    return this.#sessions.size > 0;
  }

  /** A debugger is attached, or waited for. */
  get isInUse(): boolean {
    return this.isAttached || this.#onRelease !== undefined;
  }

  /**
   * The debuggers go on in this worker, which has not loaded the app yet. Resolves when what they have set is set there;
   * with `breaks` not before one is attached that lets the app run. It may have ended by then.
   */
  async follow(worker: WorkerHandle, next: { generation: number; signal: AbortSignal }): Promise<void> {
    this.#goOnIn(worker);
    await withTimeout(Promise.all(this.#all((session) => this.#attach(session))), ATTACH_TIMEOUT, () => []);
    if (!this.#options.breaks) return;
    await this.#released(worker, next);
    const url = pathToFileURL(this.#options.exec).href;
    const pattern = `^${url.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&')}(?:\\?.*)?$`;
    await Promise.all(this.#all((session) => session.breakAtStart(pattern)));
  }

  /** Like follow(), for a worker that serves already. */
  return(worker: WorkerHandle): void {
    this.#goOnIn(worker);
    for (const session of this.#sessions) void this.#attach(session);
  }

  /** Every process that is paused runs on. */
  close(): void {
    this.#worker = undefined;
    for (const session of this.#sessions) session.close();
    this.#http.close();
    this.#http.closeAllConnections();
    this.#onRelease?.();
  }

  #goOnIn(worker: WorkerHandle): void {
    for (const session of this.#sessions) session.leave();
    this.#worker = worker;
  }

  #all<T>(task: (session: DebugSession) => T): T[] {
    return [...this.#sessions].map((session) => task(session));
  }

  #add(socket: WebSocket): void {
    const session = new DebugSession(socket, () => this.#onRelease?.());
    this.#sessions.add(session);
    socket.on('close', () => {
      this.#sessions.delete(session);
      session.leave();
    });
    void this.#attach(session);
  }

  async #attach(session: DebugSession): Promise<void> {
    const url = this.#worker?.inspectorUrl;
    if (url !== undefined) await session.attach(new WebSocket(url, WEB_SOCKETS));
  }

  /** Resolves when a debugger lets the app run, or the worker is not to run it any more. */
  async #released(
    worker: WorkerHandle,
    { generation, signal }: { generation: number; signal: AbortSignal },
  ): Promise<void> {
    if (this.#all(({ hasReleased }) => hasReleased).includes(true)) return;
    this.#options.onWait(generation);
    const released = new AbortController();
    this.#onRelease = () => released.abort();
    signal.addEventListener('abort', this.#onRelease);
    if (signal.aborted) released.abort();
    await worker.waitFor([], { signal: released.signal });
    signal.removeEventListener('abort', this.#onRelease);
    this.#onRelease = undefined;
  }

  get #authority(): string {
    const { host, port } = partsOf(this.#options.address);
    const bound = this.#http.address();
    return `${host}:${typeof bound === 'object' && bound ? bound.port : port}`;
  }
}

function partsOf(address: string): { host: string; port: number } {
  const at = address.lastIndexOf(':');
  return { host: address.slice(0, at), port: Number(address.slice(at + 1)) };
}
