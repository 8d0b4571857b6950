import type { Server } from 'node:net';
import type { Carries } from '../protocol.ts';
import type {
  AppComponent,
  AppHost,
  AppSteps,
  KeepOptions,
  KeepSocketsOptions,
  KeepWebSocketsOptions,
  WebSocketServerLike,
} from './app-host.ts';
import type { AppStart } from './app-start.ts';
import type { Components } from './components.ts';
import type { KeptSockets } from './connections/keep-sockets.ts';
import type { KeptWebSockets } from './connections/keep-web-sockets.ts';
import type { WsServer } from './connections/ws-internals.ts';
import type { KeepStore } from './keep/keep-store.ts';

export interface WorkerHostOptions {
  start: AppStart;
  keeps: KeepStore;
  keptSockets: KeptSockets;
  keptWebSockets: KeptWebSockets;
  components: Components;
  /** A function is called that has its effect at once: whatever calls it can't be evaluated ahead. */
  onCall: (what: string) => void;
  /** Something more, or less, must be carried over. */
  onCarries: (carries: Carries) => void;
}

/** What the app in a worker can call. */
export class WorkerHost implements AppHost {
  readonly #options: WorkerHostOptions;
  /** What of this generation must be carried over. */
  readonly carries: Carries = { keeps: false, saves: false, steps: false, pauses: false };

  constructor(options: WorkerHostOptions) {
    this.#options = options;
  }

  keep<T>(key: string, init: () => T, options: KeepOptions<T>): T {
    const { start, keeps, onCall } = this.#options;
    onCall('calls keep()');
    start.takeState();
    return keeps.keep(key, init, options);
  }

  keepSockets(server: Server, options: KeepSocketsOptions): void {
    this.#options.onCall('calls keepSockets()');
    this.#options.keptSockets.add(server, options);
  }

  keepWebSockets(server: WebSocketServerLike, options: KeepWebSocketsOptions<never>): void {
    this.#options.onCall('calls keepWebSockets()');
    this.#options.keptWebSockets.add(server as unknown as WsServer, options as KeepWebSocketsOptions);
  }

  onShutdown(name: string, component: AppComponent): () => void {
    const { components, onCall } = this.#options;
    onCall('calls onShutdown()');
    const remove = components.add(name, component);
    this.announce({ pauses: components.canPause });
    return () => {
      remove();
      this.announce({ pauses: components.canPause });
    };
  }

  async run<App>(steps: AppSteps<App>): Promise<void> {
    const { start } = this.#options;
    if (!start.hasSteps) this.announce({ steps: true, saves: steps.save !== undefined });
    await start.run(steps);
  }

  announce(change: Partial<Carries>): void {
    Object.assign(this.carries, change);
    this.#options.onCarries(this.carries);
  }
}
