import cluster from 'node:cluster';
import { subscribe } from 'node:diagnostics_channel';
import net, { type Server } from 'node:net';
import { BlobSender, UNASKED, type BlobSending } from '../blob-sending.ts';
import { countNames } from '../count-names.ts';
import { withTimeout } from '../timeout.ts';
import { watchInput } from './input.ts';
import { openInspector } from './inspector.ts';
import { keepReports } from './module-reports.ts';
import {
  BLOB_FD,
  toWireError,
  type Carries,
  type MessageOf,
  type MessageToPrimary,
  type MessageToWorker,
  type RawHandle,
  type WorkerConfig,
} from '../protocol.ts';
import { appClusterWorkers, endAppCluster } from './app-cluster.ts';
import {
  setAppHost,
  type AppComponent,
  type AppHost,
  type AppSteps,
  type KeepOptions,
  type KeepSocketsOptions,
  type KeepWebSocketsOptions,
  type WebSocketServerLike,
} from './app-host.ts';
import { AppStart } from './app-start.ts';
import { Channel } from './channel.ts';
import { Checkpoints } from './keep/checkpoints.ts';
import { writeCompileCache } from './compile-cache.ts';
import { watchChildren } from './children.ts';
import { Components } from './components.ts';
import { Connections } from './connections/connections.ts';
import { requiredFiles } from './dependency-reports.ts';
import { HandBacks } from './connections/hand-backs.ts';
import { KeptSockets } from './connections/keep-sockets.ts';
import { KeptWebSockets } from './connections/keep-web-sockets.ts';
import type { WsServer } from './connections/ws-internals.ts';
import { KeepStore } from './keep/keep-store.ts';
import { handleMaker } from './connections/node-listen.ts';
import { WorkerListeners } from './connections/listeners.ts';
import { saveOrphanedState } from './orphan.ts';
import { letRequireHooksLoad } from './require-hooks.ts';
import { WorkerSignals } from './signals.ts';
import { applySourceMaps } from './source-maps.ts';
import { WarmUp } from './standby/warm-up.ts';
import { markWorker } from '../worker-mark.ts';

/** standby → loading → ready → serving ⇄ quiesced → draining. */
type State = 'standby' | 'loading' | 'ready' | 'serving' | 'quiesced' | 'draining';

/** How long requests in flight are waited for when the primary has gone, in milliseconds. */
const ORPHAN_QUIESCE = 300;

/** More names than these, of what is waited for, only fill the screen. */
const MOST_NAMES = 5;

const NEXT: Record<State, readonly State[]> = {
  standby: ['loading', 'draining'],
  loading: ['ready', 'draining'],
  ready: ['serving', 'draining'],
  serving: ['quiesced', 'draining'],
  quiesced: ['serving', 'draining'],
  draining: [],
};

/** Runs the app under a primary: loads it when told to, serves, hands over, ends. */
export class WorkerRuntime implements AppHost {
  readonly #config: WorkerConfig;
  readonly #channel: Channel;
  readonly #blobs: BlobSender;
  readonly #listeners: WorkerListeners;
  readonly #connections: Connections;
  readonly #handBacks: HandBacks;
  readonly #keptSockets: KeptSockets;
  readonly #keptWebSockets: KeptWebSockets;
  readonly #components: Components;
  readonly #keeps: KeepStore;
  readonly #start: AppStart;
  readonly #signals = new WorkerSignals();
  readonly #checkpoints: Checkpoints;
  readonly #warmUp = new WarmUp((message) => void this.#channel.send(message));
  readonly #carries: Carries = { keeps: false, saves: false, steps: false, pauses: false };
  #state: State = 'standby';
  #load: MessageOf<MessageToWorker, 'load'> | undefined;
  #go: (() => void) | undefined;
  #quiesced: Promise<void> = Promise.resolve();
  /** The signal by which the app ends itself. */
  #ownEnd: NodeJS.Signals | undefined;

  /** Becomes a standby and resolves when the app's entry is to be evaluated. */
  static async boot(config: WorkerConfig): Promise<void> {
    const runtime = new WorkerRuntime(config);
    setAppHost(runtime);
    markWorker(() => runtime.#beInCluster());
    keepReports();
    if (config.liveReload) {
      const { addLiveReload } = await import('./pages/live-reload.ts');
      addLiveReload(config.liveReload);
    }
    applySourceMaps();
    letRequireHooksLoad(String(process.argv[1]));
    watchInput(() => void runtime.#channel.send({ type: 'reads-input' }));
    await runtime.#standBy(config.inspect ? await openInspector() : undefined);
  }

  private constructor(config: WorkerConfig) {
    this.#config = config;
    this.#channel = new Channel(config.token, (message, handle) => this.#receive(message, handle));
    const pipe = new net.Socket({ fd: BLOB_FD, readable: false, writable: true });
    pipe.unref();
    // The primary has gone: that is told elsewhere.
    pipe.on('error', () => {});
    // On Windows a pipe's descriptor can't be written to without waiting.
    this.#blobs = new BlobSender(pipe, process.platform === 'win32' ? undefined : BLOB_FD);
    this.#listeners = new WorkerListeners(handleMaker(pipe), () => this.#start.listens());
    subscribe('tracing:net.server.listen:asyncStart', () => {
      if (this.#state !== 'standby') this.#start.willListen();
      this.#warmUp.spoil('listens');
    });
    this.#handBacks = new HandBacks(({ listener, handle, isIdle, luggage }) =>
      this.#channel.send({ type: 'hand-back', listener, idle: isIdle, ...(luggage && { luggage }) }, handle),
    );
    this.#connections = new Connections((connection) => this.#handBacks.add(connection));
    const warn = (message: string): void => this.#warn([message]);
    this.#keptSockets = new KeptSockets(this.#connections, warn);
    this.#keptWebSockets = new KeptWebSockets(this.#connections, warn);
    this.#components = new Components(config.shutdownTimeout);
    this.#keeps = new KeepStore(() => this.#announce({ keeps: true }));
    this.#start = new AppStart({
      keeps: this.#keeps,
      onReady: () => this.#onReady(),
      onFailed: (error) => void this.#fail(error),
    });
    this.#checkpoints = new Checkpoints(
      () => (this.#state === 'serving' && this.#carries.keeps ? this.#collectState() : undefined),
      (blob) => {
        const sending = this.#blobs.send(UNASKED);
        for (const bytes of blob) sending.write(bytes, true);
        void sending.end();
      },
    );
    watchChildren({
      onSpawn: () => this.#warmUp.spoil('starts a process'),
      onChange: (pids) => void this.#channel.send({ type: 'children', pids }),
    });
    process.prependListener('disconnect', () => this.#onOrphaned());
  }

  keep<T>(key: string, init: () => T, options: KeepOptions<T>): T {
    this.#warmUp.spoil('calls keep()');
    this.#start.takeState();
    return this.#keeps.keep(key, init, options);
  }

  keepSockets(server: Server, options: KeepSocketsOptions): void {
    this.#warmUp.spoil('calls keepSockets()');
    this.#keptSockets.add(server, options);
  }

  keepWebSockets(server: WebSocketServerLike, options: KeepWebSocketsOptions<never>): void {
    this.#warmUp.spoil('calls keepWebSockets()');
    this.#keptWebSockets.add(server as unknown as WsServer, options as KeepWebSocketsOptions);
  }

  onShutdown(name: string, component: AppComponent): () => void {
    this.#warmUp.spoil('calls onShutdown()');
    const remove = this.#components.add(name, component);
    this.#announce({ pauses: this.#components.canPause });
    return () => {
      remove();
      this.#announce({ pauses: this.#components.canPause });
    };
  }

  async run<App>(steps: AppSteps<App>): Promise<void> {
    if (!this.#start.hasSteps) this.#announce({ steps: true, saves: steps.save !== undefined });
    await this.#start.run(steps);
  }

  #beInCluster(): Promise<never> {
    void this.#channel.send({ type: 'wants-cluster' });
    void this.#channel.send({ type: 'misspeculated', misspeculation: { cause: '', roots: [] } });
    // This process is ended by the primary.
    this.#channel.hold(true);
    return new Promise(() => {});
  }

  async #standBy(inspector: string | undefined): Promise<void> {
    const go = new Promise<void>((resolve) => (this.#go = resolve));
    this.#channel.hold(true);
    void this.#channel.send({ type: 'standby', ...(inspector !== undefined && { inspector }) });
    await go;
    this.#channel.hold(false);
    process.on('uncaughtException', this.#onUncaught);
    this.#start.begin(this.#load as MessageOf<MessageToWorker, 'load'>);
  }

  #onReady(): void {
    if (this.#state !== 'loading') return;
    process.off('uncaughtException', this.#onUncaught);
    const { variables, misspeculation } = this.#warmUp.endLoad();
    try {
      // An app that has not asked for it may do so later, and passes it on.
      if (!misspeculation) this.#start.takeState();
    } catch {
      return;
    }
    this.#transition('ready');
    process.on('uncaughtExceptionMonitor', (error) => {
      void this.#channel.send({ type: 'crashing', error: toWireError(error) });
    });
    void this.#channel.send({ type: 'required', files: requiredFiles() });
    if (misspeculation) void this.#channel.send({ type: 'misspeculated', misspeculation });
    else void this.#channel.send({ type: 'ready', phases: this.#start.phases, variables });
  }

  readonly #onUncaught = (error: unknown): void => {
    // An app that listens itself decides itself.
    if (process.listenerCount('uncaughtException') === 1) void this.#fail(error);
  };

  async #fail(error: unknown): Promise<void> {
    if (this.#state !== 'loading') return;
    this.#transition('draining');
    void this.#channel.send({ type: 'required', files: requiredFiles() });
    await this.#channel.send({ type: 'failed', error: toWireError(error) });
    process.exit(1);
  }

  #receive(message: MessageToWorker, handle: RawHandle | undefined): void {
    switch (message.type) {
      case 'analyze':
        void this.#warmUp.analyze(message.files);
        break;
      case 'warm-runtime':
        void this.#warmUp.warmRuntime(message.runtime);
        break;
      case 'resolve':
        void this.#warmUp.resolve(message.files);
        break;
      case 'preload':
        void this.#warmUp.preload(message);
        break;
      case 'load':
        void this.#onLoad(message);
        break;
      case 'committed':
        this.#transition('serving');
        this.#listeners.datagrams.start();
        this.#checkpoints.start(message.checkpointInterval);
        break;
      case 'connection':
        this.#onConnection(message, handle);
        break;
      case 'datagram-socket':
        if (handle) this.#listeners.receive(message.port, handle);
        break;
      case 'all-moved':
        this.#connections.allMoved();
        break;
      case 'quiesce':
        this.#quiesced = this.#quiesce();
        break;
      case 'capture':
        void this.#quiesced.then(() => this.#capture(message.id));
        break;
      case 'resume':
        void this.#resume();
        break;
      case 'drain':
        void this.#drain(message);
        break;
      case 'ask-waits':
        void this.#channel.send({ type: 'waits', ...this.#waits() });
        break;
      default:
        message satisfies never;
    }
  }

  async #onLoad(message: MessageOf<MessageToWorker, 'load'>): Promise<void> {
    this.#load = message;
    this.#transition('loading');
    // Else the generation before it reads until it is replaced.
    if (!message.isRestart) this.#listeners.datagrams.start();
    const misspeculation = await this.#warmUp.beginLoad(message.restartArgs);
    if (misspeculation) {
      void this.#channel.send({ type: 'misspeculated', misspeculation });
      return;
    }
    await this.#warmUp.analyzeChanged(message.changed);
    this.#go?.();
  }

  #onConnection(message: MessageOf<MessageToWorker, 'connection'>, handle: RawHandle | undefined): void {
    // The primary learns from Node that it has arrived, and lets go of it.
    if (!handle) return;
    const { listener, idle, luggage } = message;
    const server = this.#listeners.get(listener);
    const connection = { listener, handle, isIdle: idle, luggage };
    if (server) this.#connections.accept(connection, server);
    else this.#handBacks.add(connection);
  }

  async #quiesce(): Promise<void> {
    if (this.#state !== 'serving') return;
    this.#transition('quiesced');
    // With its background work at rest nothing else may keep this process alive.
    this.#channel.hold(true);
    this.#listeners.datagrams.stop();
    const { quiesceTimeout } = this.#config;
    const outlived = await this.#connections.quiesce(quiesceTimeout);
    this.#warn(
      await withTimeout(this.#components.pause(), quiesceTimeout, () => ['pause() took longer than quiesceTimeout']),
    );
    void this.#channel.send({ type: 'quiesced', outlived });
  }

  async #capture(id: number): Promise<void> {
    let sending: BlobSending | undefined;
    try {
      const saved = await this.#start.save();
      if (this.#state !== 'quiesced') return;
      // It is sent while it is made, and the next generation decodes it while it is sent.
      const { hasState, problems, keys } = this.#keeps.capture((bytes) => {
        sending ??= this.#blobs.send(id);
        sending.write(bytes);
      }, saved);
      void sending?.end();
      void this.#channel.send({ type: 'captured', id, blob: hasState, problems, keys });
    } catch (error) {
      void sending?.abort();
      void this.#channel.send({ type: 'capture-failed', id, error: toWireError(error) });
    }
  }

  /** The whole state, for use at any time; undefined when there is none. */
  #collectState(saved?: { value: unknown }): Uint8Array[] | undefined {
    const blob: Uint8Array[] = [];
    const { hasState } = this.#keeps.capture((bytes) => blob.push(Buffer.from(bytes)), saved);
    return hasState ? blob : undefined;
  }

  async #resume(): Promise<void> {
    if (this.#state !== 'quiesced') return;
    this.#transition('serving');
    this.#channel.hold(false);
    this.#listeners.datagrams.start();
    this.#connections.resume();
    this.#warn(await this.#components.resume());
  }

  async #drain({ move, relay, signal }: MessageOf<MessageToWorker, 'drain'>): Promise<void> {
    if (this.#state === 'draining') return;
    this.#transition('draining');
    const { drainTimeout, quiesceTimeout: patience } = this.#config;
    const end = performance.now() + drainTimeout;
    this.#channel.hold(true);
    if (move) this.#listeners.datagrams.stop();
    this.#checkpoints.stop();
    if (signal) this.#signals.expect();
    // An app that handles the signal ends its servers and itself, as in a process of its own.
    const appEnds = signal !== undefined && this.#signals.appHandles(signal);
    if (appEnds) {
      this.#ownEnd = signal;
      await this.#signals.deliver(signal);
    }
    const drained = appEnds
      ? Promise.resolve([])
      : Promise.all([this.#connections.drain(drainTimeout, { move, relay, patience }), endAppCluster(drainTimeout)]);
    void this.#connections
      .movedAtOnce()
      .then(() => this.#handBacks.flushed())
      .then(() => this.#channel.send({ type: 'moved', connections: this.#connections.moved }));
    const left = (await drained).flat();
    await this.#handBacks.flushed();
    const { ended, report } = await this.#components.stop();
    left.push(...(await this.#connections.relayed(end - performance.now())));
    // Not on exit, which has to come soon after this.
    writeCompileCache();
    await this.#channel.send({ type: 'drained', ended, report: [...left.map((name) => `${name} was cut`), ...report] });
    // An app that only closes what it has open ends when nothing keeps its process alive, as in one of its own.
    this.#channel.hold(false);
    if (!appEnds) this.#end(signal);
  }

  #waits(): Pick<MessageOf<MessageToPrimary, 'waits'>, 'step' | 'names'> {
    if (this.#state !== 'draining') return { step: this.#start.step, names: [] };
    const names = [...this.#connections.left(), ...appClusterWorkers(), ...this.#components.left];
    if (this.#ownEnd) names.push(`its own handler of ${this.#ownEnd}`);
    return { step: undefined, names: countNames(names, MOST_NAMES) };
  }

  #end(signal: NodeJS.Signals | undefined): void {
    if (!signal && this.#signals.appHandles('SIGTERM')) {
      // Its own clean-up, which any other restarter would have set off, too.
      this.#ownEnd = 'SIGTERM';
      void this.#signals.deliver('SIGTERM');
    } else if (signal && !this.#start.hasSteps && this.#components.size === 0) {
      this.#signals.die(signal);
    } else {
      process.exit();
    }
  }

  /** The primary has gone: nothing can be served any more, but the state can be saved. */
  #onOrphaned(): void {
    // Else Node ends a cluster worker right here.
    if (cluster.worker) cluster.worker.exitedAfterDisconnect = true;
    this.#signals.expect();
    // Else Node reports what is imported from now on into the closed channel, and fails.
    delete process.send;
    const serves = this.#state === 'serving' || this.#state === 'quiesced';
    const carries = this.#carries.keeps || this.#carries.saves;
    if (!serves || !carries || this.#config.snapshot === false) process.exit(1);
    const capture = async (): Promise<Uint8Array[] | undefined> => {
      // What is answered after the capture would be lost.
      await this.#connections.quiesce(Math.min(this.#config.quiesceTimeout, ORPHAN_QUIESCE));
      return this.#collectState(await this.#start.save());
    };
    void saveOrphanedState(this.#config, this.#load?.generation ?? 0, capture).finally(() => process.exit(1));
  }

  #announce(change: Partial<Carries>): void {
    Object.assign(this.#carries, change);
    void this.#channel.send({ type: 'carries', carries: this.#carries });
  }

  #warn(messages: string[]): void {
    for (const message of messages) void this.#channel.send({ type: 'warning', message });
  }

  #transition(to: State): void {
    if (!NEXT[this.#state].includes(to)) throw new Error(`a worker can't become ${to} while it is ${this.#state}`);
    this.#state = to;
  }
}
