import { countNames } from '../count-names.ts';
import type { MessageOf, MessageToPrimary, MessageToWorker, WorkerConfig } from '../protocol.ts';
import { appClusterWorkers, endAppCluster } from './app-cluster.ts';
import type { AppStart } from './app-start.ts';
import type { Channel } from './channel.ts';
import { writeCompileCache } from './compile-cache.ts';
import type { Components } from './components.ts';
import type { Connections } from './connections/connections.ts';
import type { HandBacks } from './connections/hand-backs.ts';
import type { WorkerSignals } from './signals.ts';

/** More names than these, of what is waited for, only fill the screen. */
const MOST_NAMES = 5;

export interface WorkerEndOptions {
  config: WorkerConfig;
  channel: Channel;
  connections: Connections;
  handBacks: HandBacks;
  components: Components;
  signals: WorkerSignals;
  start: AppStart;
}

/** The end of a worker that is told to: connections leave or are closed, components stop, the process exits. */
export class WorkerEnd {
  readonly #options: WorkerEndOptions;
  /** The signal by which the app ends itself. */
  #ownEnd: NodeJS.Signals | undefined;

  constructor(options: WorkerEndOptions) {
    this.#options = options;
  }

  /** What is waited for, by name. */
  get waitsFor(): string[] {
    const { connections, components } = this.#options;
    const names = [...connections.left(), ...appClusterWorkers(), ...components.left];
    if (this.#ownEnd) names.push(`its own handler of ${this.#ownEnd}`);
    return countNames(names, MOST_NAMES);
  }

  async drain({ move, relay, signal }: MessageOf<MessageToWorker, 'drain'>): Promise<void> {
    const { config, channel, connections, handBacks, components, signals } = this.#options;
    const { drainTimeout, quiesceTimeout: patience } = config;
    const end = performance.now() + drainTimeout;
    channel.hold(true);
    if (signal) signals.expect();
    // An app that handles the signal ends its servers and itself, as in a process of its own.
    const appEnds = signal !== undefined && signals.appHandles(signal);
    if (appEnds) {
      this.#ownEnd = signal;
      await signals.deliver(signal);
    }
    const drained = appEnds
      ? Promise.resolve([])
      : Promise.all([connections.drain(drainTimeout, { move, relay, patience }), endAppCluster(drainTimeout)]);
    void connections
      .movedAtOnce()
      .then(() => handBacks.flushed())
      .then(() => this.#tell({ type: 'moved', connections: connections.moved }));
    const left = (await drained).flat();
    await handBacks.flushed();
    const { ended, report } = await components.stop();
    left.push(...(await connections.relayed(end - performance.now())));
    // Not on exit, which has to come soon after this.
    writeCompileCache();
    await this.#tell({ type: 'drained', ended, report: [...left.map((name) => `${name} was cut`), ...report] });
    // An app that only closes what it has open ends when nothing keeps its process alive, as in one of its own.
    channel.hold(false);
    if (!appEnds) this.#exit(signal);
  }

  #tell(message: MessageToPrimary): Promise<void> {
    return this.#options.channel.send(message);
  }

  #exit(signal: NodeJS.Signals | undefined): void {
    const { signals, components, start } = this.#options;
    if (!signal && signals.appHandles('SIGTERM')) {
      // Its own clean-up, which any other restarter would have set off, too.
      this.#ownEnd = 'SIGTERM';
      void signals.deliver('SIGTERM');
    } else if (signal && !start.hasSteps && components.size === 0) {
      signals.die(signal);
    } else {
      process.exit();
    }
  }
}
