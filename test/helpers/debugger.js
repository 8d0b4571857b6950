import { EventEmitter, once } from 'node:events';
import CDP from 'chrome-remote-interface';

/** A debugger that attaches to an inspector as an editor does, and notes what it is told. */
export class Debugger {
  events = new EventEmitter();
  paused = [];
  cleared = 0;
  #urls = new Map();
  /** Resolves when the inspector has ended. */
  ended;

  /** `inspectorUrl`: what is printed. */
  static async attach(t, inspectorUrl, { run = true } = {}) {
    const { hostname, port } = new URL(inspectorUrl);
    const it = new Debugger();
    it.client = await CDP({ host: hostname, port: Number(port) });
    it.ended = once(it.client, 'disconnect');
    t.after(() => it.client.close());
    const { Debugger: domain, Runtime } = it.client;
    domain.paused((event) => {
      it.paused.push(event);
      it.events.emit('paused', event);
    });
    domain.scriptParsed(({ scriptId, url }) => it.#urls.set(scriptId, url));
    domain.resumed(() => it.events.emit('resumed'));
    Runtime.executionContextsCleared(() => it.events.emit('cleared', ++it.cleared));
    await Runtime.enable();
    await domain.enable();
    if (run) await it.run();
    return it;
  }

  run() {
    return this.client.Runtime.runIfWaitingForDebugger();
  }

  /** `line` counts from 1. */
  breakpoint(file, line) {
    return this.client.Debugger.setBreakpointByUrl({
      urlRegex: `${file.replaceAll('.', '\\.')}(\\?.*)?$`,
      lineNumber: line - 1,
    });
  }

  /** The next pause from now on. */
  async nextPause() {
    const [event] = await once(this.events, 'paused');
    return event;
  }

  async next(name) {
    const [detail] = await once(this.events, name);
    return detail;
  }

  /** Of the script that is paused. */
  urlOf({ callFrames }) {
    return this.#urls.get(callFrames[0].location.scriptId);
  }

  /** Of the script of that URL. */
  scriptId(url) {
    for (const [scriptId, one] of this.#urls) if (url.test(one)) return scriptId;
    throw new Error(`no script ${url}`);
  }

  resume() {
    return this.client.Debugger.resume();
  }

  async evaluate(expression) {
    const { result } = await this.client.Runtime.evaluate({ expression, returnByValue: true });
    return result.value;
  }

  /** In the frame that is paused. */
  async evaluateHere({ callFrames }, expression) {
    const { callFrameId } = callFrames[0];
    const { result } = await this.client.Debugger.evaluateOnCallFrame({ callFrameId, expression, returnByValue: true });
    return result.value;
  }
}
