import cluster from 'node:cluster';
import { subscribe } from 'node:diagnostics_channel';
import net from 'node:net';
import {
  BLOB_FD,
  toWireError,
  type MessageOf,
  type MessageToPrimary,
  type MessageToWorker,
  type RawHandle,
  type WorkerConfig,
} from '../protocol.ts';
import { withTimeout } from '../timers.ts';
import { markWorker } from '../worker-mark.ts';
import { setAppHost } from './app-host.ts';
import { AppStart } from './app-start.ts';
import { Channel } from './channel.ts';
import { watchChildren } from './children.ts';
import { Components } from './components.ts';
import { Connections } from './connections/connections.ts';
import { HandBacks } from './connections/hand-backs.ts';
import { KeptSockets } from './connections/keep-sockets.ts';
import { KeptWebSockets } from './connections/keep-web-sockets.ts';
import { WorkerListeners } from './connections/listeners.ts';
import { handleMaker } from './connections/node-listen.ts';
import { requiredFiles } from './dependency-reports.ts';
import { watchInput } from './input.ts';
import { openInspector } from './inspector.ts';
import { KeepStore } from './keep/keep-store.ts';
import { keepReports } from './module-reports.ts';
import { saveOrphanedState } from './orphan.ts';
import { letRequireHooksLoad } from './require-hooks.ts';
import { WorkerSignals } from './signals.ts';
import { applySourceMaps } from './source-maps.ts';
import { WarmUp } from './standby/warm-up.ts';
import { StateSender } from './state-sender.ts';
import { withholdThreadReports } from './thread-reports.ts';
import { WorkerEnd } from './worker-end.ts';
import { WorkerHost } from './worker-host.ts';

/** standby → loading → ready → serving ⇄ quiesced → draining. */
type State = 'standby' | 'loading' | 'ready' | 'serving' | 'quiesced' | 'draining';

/** How long requests in flight are waited for when the primary has gone, in milliseconds. */
const ORPHAN_QUIESCE = 300;

const NEXT: Record<State, readonly State[]> = {
  standby: ['loading', 'draining'],
  loading: ['ready', 'draining'],
  ready: ['serving', 'draining'],
  serving: ['quiesced', 'draining'],
  quiesced: ['serving', 'draining'],
  draining: [],
};

/** Runs the app under a primary: loads it when told to, serves, hands over, ends. */
export class WorkerRuntime {
  readonly #config: WorkerConfig;
  readonly #channel: Channel;
  readonly #sender: StateSender;
  readonly #listeners: WorkerListeners;
  readonly #connections: Connections;
  readonly #handBacks: HandBacks;
  readonly #components: Components;
  readonly #start: AppStart;
  readonly #signals = new WorkerSignals();
  readonly #host: WorkerHost;
  readonly #end: WorkerEnd;
  readonly #warmUp = new WarmUp((message) => void this.#channel.send(message));
  #state: State = 'standby';
  #load: MessageOf<MessageToWorker, 'load'> | undefined;
  #go: (() => void) | undefined;
  #quiesced: Promise<void> = Promise.resolve();

  /** Becomes a standby and resolves when the app's entry is to be evaluated. */
  static async boot(config: WorkerConfig): Promise<void> {
    const runtime = new WorkerRuntime(config);
    setAppHost(runtime.#host);
    markWorker(() => runtime.#beInCluster());
    keepReports();
    withholdThreadReports();
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
    this.#components = new Components(config.shutdownTimeout);
    const keeps = new KeepStore(() => this.#host.announce({ keeps: true }));
    this.#start = new AppStart({
      keeps,
      onReady: () => this.#onReady(),
      onFailed: (error) => void this.#fail(error),
    });
    this.#host = new WorkerHost({
      start: this.#start,
      keeps,
      keptSockets: new KeptSockets(this.#connections, warn),
      keptWebSockets: new KeptWebSockets(this.#connections, warn),
      components: this.#components,
      onCall: (what) => this.#warmUp.spoil(what),
      onCarries: (carries) => void this.#channel.send({ type: 'carries', carries }),
    });
    this.#sender = new StateSender(pipe, keeps, () => this.#state === 'serving' && this.#host.carries.keeps);
    this.#end = new WorkerEnd({
      config,
      channel: this.#channel,
      connections: this.#connections,
      handBacks: this.#handBacks,
      components: this.#components,
      signals: this.#signals,
      start: this.#start,
    });
    watchChildren({
      onSpawn: () => this.#warmUp.spoil('starts a process'),
      onChange: (pids) => void this.#channel.send({ type: 'children', pids }),
    });
    process.prependListener('disconnect', () => this.#onOrphaned());
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
        this.#sender.startCheckpoints(message.checkpointInterval);
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
        this.#drain(message);
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
    try {
      const saved = await this.#start.save();
      if (this.#state !== 'quiesced') return;
      const { hasState, problems, keys } = this.#sender.send(id, saved);
      void this.#channel.send({ type: 'captured', id, blob: hasState, problems, keys });
    } catch (error) {
      void this.#channel.send({ type: 'capture-failed', id, error: toWireError(error) });
    }
  }

  async #resume(): Promise<void> {
    if (this.#state !== 'quiesced') return;
    this.#transition('serving');
    this.#channel.hold(false);
    this.#listeners.datagrams.start();
    this.#connections.resume();
    this.#warn(await this.#components.resume());
  }

  #drain(message: MessageOf<MessageToWorker, 'drain'>): void {
    if (this.#state === 'draining') return;
    this.#transition('draining');
    if (message.move) this.#listeners.datagrams.stop();
    this.#sender.stopCheckpoints();
    void this.#end.drain(message);
  }

  #waits(): Pick<MessageOf<MessageToPrimary, 'waits'>, 'step' | 'names'> {
    return this.#state === 'draining'
      ? { step: undefined, names: this.#end.waitsFor }
      : { step: this.#start.step, names: [] };
  }

  /** The primary has gone: nothing can be served any more, but the state can be saved. */
  #onOrphaned(): void {
    // Else Node ends a cluster worker right here.
    if (cluster.worker) cluster.worker.exitedAfterDisconnect = true;
    this.#signals.expect();
    // Else Node reports what is imported from now on into the closed channel, and fails.
    delete process.send;
    const serves = this.#state === 'serving' || this.#state === 'quiesced';
    const carries = this.#host.carries.keeps || this.#host.carries.saves;
    if (!serves || !carries || this.#config.snapshot === false) process.exit(1);
    const capture = async (): Promise<Uint8Array[] | undefined> => {
      // What is answered after the capture would be lost.
      await this.#connections.quiesce(Math.min(this.#config.quiesceTimeout, ORPHAN_QUIESCE));
      return this.#sender.collect(await this.#start.save());
    };
    void saveOrphanedState(this.#config, this.#load?.generation ?? 0, capture).finally(() => process.exit(1));
  }

  #warn(messages: string[]): void {
    for (const message of messages) void this.#channel.send({ type: 'warning', message });
  }

  #transition(to: State): void {
    if (!NEXT[this.#state].includes(to)) throw new Error(`a worker can't become ${to} while it is ${this.#state}`);
    this.#state = to;
  }
}
