import type { RawData, WebSocket } from 'ws';
import { DebugSettings, type Command, type Setting } from './debug-settings.ts';

/** A message of the Chrome DevTools Protocol: a command, its answer, or an event. */
interface Message extends Partial<Command> {
  id?: number;
  /** Of a target within the process, such as a worker thread. */
  sessionId?: string;
  result?: Record<string, unknown>;
  error?: { code: number; message: string };
}

/** What JSON-RPC calls a server error. */
const SERVER_ERROR = -32_000;

/**
 * A debugger, which stays attached while the process behind it changes: what it has set is set in the next one, what was
 * of the old one is taken back.
 */
export class DebugSession {
  readonly #debugger: WebSocket;
  readonly #settings = new DebugSettings();
  /** Get the answers of the process to commands, by their ids; undefined: it has gone. */
  readonly #pending = new Map<number, (answer: Message | undefined) => void>();
  readonly #threads = new Set<string>();
  /** The URLs of the process's scripts, by their ids. */
  readonly #scripts = new Map<unknown, unknown>();
  /** What the process calls breakpoints that the debugger knows by another id. */
  readonly #breakpoints = new Map<unknown, unknown>();
  /** What it has said while there was no process to say it to. */
  readonly #unsaid: Message[] = [];
  #process: WebSocket | undefined;
  #isReady = false;
  #isPaused = false;
  #lastId = 0;
  /** When it left a process, in milliseconds since the epoch: what was logged before is repeated by the engine. */
  #leftAt = 0;
  #startBreakpoint: unknown;
  /** It has said that the app may run. */
  hasReleased = false;
  readonly #onRelease: () => void;

  constructor(socket: WebSocket, onRelease: () => void) {
    this.#debugger = socket;
    this.#onRelease = onRelease;
    socket.on('message', (data) => this.#onCommand(parse(data)));
    // What is wrong with a connection is told by its end.
    socket.on('error', () => {});
  }

  /** Leaves the process, if it is attached to one, for this one. Resolves when everything is set there, or it has gone. */
  async attach(socket: WebSocket): Promise<void> {
    this.leave();
    this.#process = socket;
    socket.on('message', (data) => socket === this.#process && this.#onAnswer(parse(data), data));
    socket.on('close', () => socket === this.#process && this.leave());
    socket.on('error', () => {});
    if (!(await isOpen(socket)) || socket !== this.#process) return;
    // Else a process that ends waits for its debuggers without telling them.
    void this.#command({ method: 'NodeRuntime.notifyWhenWaitingForDisconnect', params: { enabled: true } });
    await Promise.all(this.#settings.commands.map((setting) => this.#restore(setting)));
    if (socket !== this.#process) return;
    this.#isReady = true;
    for (const message of this.#unsaid.splice(0)) this.#onCommand(message);
  }

  /** Breaks once at the first line of a script. */
  async breakAtStart(urlRegex: string): Promise<void> {
    if (!this.#settings.isEnabled('Debugger')) return;
    const params = { lineNumber: 0, urlRegex };
    const answer = await this.#command({ method: 'Debugger.setBreakpointByUrl', params });
    this.#startBreakpoint = answer?.result?.['breakpointId'];
  }

  /** Detaches from the process, which runs on if it was paused. */
  leave(): void {
    const socket = this.#process;
    if (!socket) return;
    this.#process = undefined;
    this.#isReady = false;
    this.#leftAt = Date.now();
    socket.close();
    if (this.#isPaused) this.#tell({ method: 'Debugger.resumed', params: {} });
    this.#isPaused = false;
    for (const sessionId of this.#threads) {
      this.#tell({ method: 'NodeWorker.detachedFromWorker', params: { sessionId } });
    }
    this.#threads.clear();
    this.#scripts.clear();
    this.#breakpoints.clear();
    for (const answer of this.#pending.values()) answer(undefined);
    this.#pending.clear();
    if (this.#settings.isEnabled('Runtime')) this.#tell({ method: 'Runtime.executionContextsCleared', params: {} });
  }

  close(): void {
    this.leave();
    this.#debugger.terminate();
  }

  #onCommand(message: Message | undefined): void {
    const { method, id } = message ?? {};
    if (!message || method === undefined || id === undefined) return;
    if (!this.#isReady) {
      this.#unsaid.push(message);
      return;
    }
    void this.#forward({ ...message, id, method });
    if (method === 'Runtime.runIfWaitingForDebugger' && !this.hasReleased) {
      this.hasReleased = true;
      this.#onRelease();
    }
  }

  async #forward(message: Message & Command & { id: number }): Promise<void> {
    const { id, sessionId } = message;
    const isSetting = sessionId === undefined && DebugSettings.includes(message.method);
    const lasting = this.#toUrl(message);
    const answer = await this.#command(this.#toProcess(message));
    if (answer) {
      if (isSetting && lasting && !answer.error) this.#settings.note(lasting, answer.result);
      this.#tell({ ...answer, id });
    } else if (isSetting) {
      this.#unsaid.push(message);
    } else {
      const error = { code: SERVER_ERROR, message: `the process of ${message.method} was replaced` };
      this.#tell({ id, ...(sessionId !== undefined && { sessionId }), error });
    }
  }

  async #restore({ id, ...command }: Setting): Promise<void> {
    const answer = await this.#command(command);
    const now = answer?.result?.['breakpointId'];
    if (now !== undefined && now !== id) this.#breakpoints.set(id, now);
  }

  /** A script's id is of one process. undefined: it has no URL, either. */
  #toUrl(command: Command): Command | undefined {
    if (command.method !== 'Debugger.setBreakpoint') return command;
    const { location, condition } = command.params as { location: { scriptId: string }; condition?: string };
    const { scriptId, ...place } = location;
    const url = this.#scripts.get(scriptId);
    const params = { ...place, url, ...(condition !== undefined && { condition }) };
    return url ? { method: 'Debugger.setBreakpointByUrl', params } : undefined;
  }

  #toProcess<C extends Command>(command: C): C {
    if (command.method !== 'Debugger.removeBreakpoint') return command;
    const id = command.params?.['breakpointId'];
    return { ...command, params: { breakpointId: this.#breakpoints.get(id) ?? id } };
  }

  /** A pause as the debugger is told of it. */
  #toDebugger({ method, params }: Message): Message {
    const names = new Map(Array.from(this.#breakpoints, ([theirs, ours]) => [ours, theirs]));
    const hit = ((params?.['hitBreakpoints'] ?? []) as unknown[]).filter((id) => id !== this.#startBreakpoint);
    return { method: method as string, params: { ...params, hitBreakpoints: hit.map((id) => names.get(id) ?? id) } };
  }

  /** Resolves with the answer, or with undefined when the process has gone before. */
  #command(command: Command & { sessionId?: string }): Promise<Message | undefined> {
    return new Promise((resolve) => {
      const id = ++this.#lastId;
      this.#pending.set(id, resolve);
      this.#process?.send(JSON.stringify({ ...command, id }));
    });
  }

  #onAnswer(message: Message | undefined, data: RawData): void {
    if (!message) return;
    if (message.id !== undefined) {
      this.#pending.get(message.id)?.(message);
      this.#pending.delete(message.id);
      return;
    }
    switch (message.method) {
      case 'NodeRuntime.waitingForDisconnect':
        this.leave();
        return;
      case 'Debugger.paused':
        this.#onPaused(message);
        return;
      case 'Debugger.scriptParsed':
        this.#scripts.set(message.params?.['scriptId'], message.params?.['url']);
        break;
      case 'Debugger.resumed':
        this.#isPaused = false;
        break;
      case 'NodeWorker.attachedToWorker':
        this.#threads.add(String(message.params?.['sessionId']));
        break;
      case 'NodeWorker.detachedFromWorker':
        this.#threads.delete(String(message.params?.['sessionId']));
        break;
      case 'Runtime.consoleAPICalled':
      case 'Runtime.exceptionThrown':
        if (Number(message.params?.['timestamp']) < this.#leftAt) return;
        break;
      default:
    }
    this.#debugger.send(data, { binary: false });
  }

  #onPaused(message: Message): void {
    this.#isPaused = true;
    const told = this.#toDebugger(message);
    const breakpointId = this.#startBreakpoint;
    const hit = message.params?.['hitBreakpoints'];
    if (breakpointId !== undefined && Array.isArray(hit) && hit.includes(breakpointId)) {
      this.#startBreakpoint = undefined;
      void this.#command({ method: 'Debugger.removeBreakpoint', params: { breakpointId } });
      // As Node.js calls it.
      told.params = { ...told.params, reason: 'Break on start' };
    }
    this.#tell(told);
  }

  #tell(message: Message): void {
    this.#debugger.send(JSON.stringify(message));
  }
}

function parse(data: RawData): Message | undefined {
  try {
    return JSON.parse(String(data)) as Message;
  } catch {
    return undefined;
  }
}

/** Resolves with false when it was closed instead. */
function isOpen(socket: WebSocket): Promise<boolean> {
  return new Promise((resolve) => {
    if (socket.readyState === socket.OPEN) resolve(true);
    socket.once('open', () => resolve(true));
    socket.once('close', () => resolve(false));
  });
}
