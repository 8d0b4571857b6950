// Runs in the app's own pages: reloads them when another generation serves, and shows a failed start on top of them.
(() => {
  const script = document.currentScript;
  const once = Symbol.for('handover.live-reload');
  if (!script || window[once]) return;
  window[once] = true;

  const { origin, search } = new URL(script.src);
  // A framework that takes over the whole document would wonder whose it is.
  script.remove();

  const SHORTEST_WAIT = 500;
  const LONGEST_WAIT = 15_000;

  let source;
  let waiting;
  let wait = SHORTEST_WAIT;
  /** The run and the generation that this page is taken to be of. */
  let own;
  let overlay;
  /** The attempt whose failure the person has put away. */
  let dismissed;

  function connect() {
    // A browser has six connections for all pages of a host: those that nobody looks at ask when they are looked at.
    if (source || document.visibilityState === 'hidden') return;
    const connectedAt = performance.now();
    source = new EventSource(`${origin}/reload${search}`);
    source.addEventListener('open', () => (wait = SHORTEST_WAIT));
    source.addEventListener('state', ({ data }) => receive(JSON.parse(data), connectedAt));
    source.addEventListener('error', () => {
      // While it is CONNECTING it tries again by itself.
      if (source?.readyState !== EventSource.CLOSED) return;
      disconnect();
      waiting = setTimeout(connect, wait);
      wait = Math.min(2 * wait, LONGEST_WAIT);
    });
  }

  function disconnect() {
    clearTimeout(waiting);
    source?.close();
    source = undefined;
  }

  function receive({ run, generation, servedFor, failure }, connectedAt) {
    if (generation !== null) {
      const now = `${run} ${generation}`;
      const isFirst = own === undefined;
      own ??= now;
      if (own !== now || (isFirst && isOlder({ from: connectedAt - servedFor, to: performance.now() - servedFor }))) {
        disconnect();
        location.reload();
        return;
      }
    }
    show(failure);
  }

  /**
   * Whether this page is of an earlier generation than the one that serves since `from` or, when it took long to tell,
   * `to`: it was asked for before that, while this script was still on its way, or the browser had kept it. A page that was
   * reloaded is only taken for one when it must be, so that no reload follows on a reload.
   */
  function isOlder({ from, to }) {
    const [navigation] = performance.getEntriesByType('navigation');
    if (!navigation) return false;
    const { type, requestStart, transferSize, deliveryType, workerStart } = navigation;
    const isKept = deliveryType === 'cache' || (type === 'back_forward' && transferSize === 0);
    return from > requestStart || (type !== 'reload' && (to > requestStart || (isKept && workerStart === 0)));
  }

  function show(failure) {
    if (window.top !== window) return;
    const attempt = failure?.attempt;
    // It is told again at each connection.
    if (failure && (attempt === overlay?.attempt || attempt === dismissed)) return;
    overlay?.remove();
    overlay = failure ? new Overlay(failure) : undefined;
  }

  class Overlay {
    constructor({ title, body, attempt }) {
      this.attempt = attempt;
      this.host = document.createElement('handover-overlay');
      const root = this.host.attachShadow({ mode: 'open' });
      // A Content-Security-Policy of the page that allows no inline styles allows these.
      const sheet = new CSSStyleSheet();
      sheet.replaceSync(STYLE);
      root.adoptedStyleSheets = [sheet];
      const dialog = element('dialog', { role: 'alertdialog', 'aria-labelledby': 'title', 'aria-describedby': 'body' });
      const close = element('button', { type: 'button' }, 'Close');
      const keys = element('p', { class: 'keys' }, 'This page reloads by itself when a save works. Escape hides this.');
      dialog.append(
        element('h1', { id: 'title' }, title),
        element('pre', { id: 'body', tabindex: '0' }, ...lines(body)),
        element('footer', {}, keys, close),
      );
      root.append(dialog);
      close.addEventListener('click', () => dialog.close());
      dialog.addEventListener('close', () => {
        if (overlay !== this) return;
        dismissed = attempt;
        overlay = undefined;
        this.host.remove();
      });
      document.documentElement.append(this.host);
      dialog.showModal();
      close.focus();
    }

    remove() {
      this.host.remove();
    }
  }

  /** The line at which it failed, and the caret below it, stand out. */
  function lines(body) {
    return body.split('\n').map((line) => {
      const kind = line.startsWith('> ')
        ? 'here'
        : /^ +\| *\^/.test(line)
          ? 'caret'
          : /^ +\d+ \|/.test(line)
            ? 'code'
            : 'text';
      return element('span', { class: kind }, `${line}\n`);
    });
  }

  function element(name, attributes, ...content) {
    const made = document.createElement(name);
    for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
    made.append(...content);
    return made;
  }

  const STYLE = `
    :host { all: initial; color-scheme: light dark }
    dialog {
      --text: #1f2328; --faint: #59636e; --paper: #fff; --code: #f6f8fa; --line: #d1d9e0; --red: #c0202b; --here: #ffebe9;
      box-sizing: border-box; width: min(60rem, calc(100vw - 2rem)); max-height: calc(100vh - 4rem); margin: 2rem auto auto;
      padding: 0; display: flex; flex-direction: column; overflow: hidden; direction: ltr; text-align: left;
      color: var(--text); background: var(--paper); border: 1px solid var(--line); border-top: 4px solid var(--red);
      border-radius: 8px; box-shadow: 0 16px 48px rgb(0 0 0 / .35);
      font: 15px/1.5 system-ui, sans-serif;
    }
    dialog::backdrop { background: rgb(0 0 0 / .45) }
    h1 { margin: 0; padding: 1rem 1.25rem; font: 600 15px/1.5 ui-monospace, SFMono-Regular, Menlo, Consolas, monospace; color: var(--red); overflow-wrap: anywhere }
    pre { margin: 0; padding: .75rem 0; overflow: auto; background: var(--code); border-block: 1px solid var(--line); font: 13px/1.6 ui-monospace, SFMono-Regular, Menlo, Consolas, monospace; tab-size: 4 }
    span { display: block; min-width: max-content; padding-inline: 1.25rem; white-space: pre }
    .here { background: var(--here); font-weight: 600 }
    .caret { color: var(--red); font-weight: 600 }
    .code { color: var(--faint) }
    footer { display: flex; flex-wrap: wrap; gap: .5rem 1rem; align-items: center; justify-content: space-between; padding: .75rem 1.25rem }
    p { margin: 0; color: var(--faint); font-size: 13px }
    button { font: inherit; font-size: 13px; padding: .3rem .9rem; color: var(--text); background: var(--code); border: 1px solid var(--line); border-radius: 6px; cursor: pointer }
    button:focus-visible, pre:focus-visible { outline: 2px solid #0969da; outline-offset: -2px }
    @media (prefers-color-scheme: dark) {
      dialog { --text: #e6edf3; --faint: #9198a1; --paper: #161b22; --code: #0d1117; --line: #30363d; --red: #ff7b72; --here: #3d1519 }
      button:focus-visible, pre:focus-visible { outline-color: #58a6ff }
    }
  `;

  document.addEventListener('visibilitychange', () => {
    if (document.visibilityState === 'hidden') disconnect();
    else connect();
  });
  // A page that the browser keeps for the way back has no connection meanwhile, and asks again when it is shown.
  window.addEventListener('pagehide', disconnect);
  window.addEventListener('pageshow', connect);
  connect();
})();
