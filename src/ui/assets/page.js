import { failureText, stateTable } from './details.js';
import { byId, setText } from './dom.js';
import { bytes } from './format.js';
import { Overview } from './overview.js';
import { Processes } from './processes.js';
import { Restarts } from './restarts.js';

const { search } = location;
const MOST_RECORDS = 500;
/** In milliseconds. */
const RECONNECT_AFTER = 1000;

const LOST = 'handover does not answer. It is looked for …';
const REPLACED =
  'This is the page of an earlier run of handover. Press u and Enter where it runs now to open the current one.';

const restarts = new Restarts();
const overview = new Overview((id) => restarts.reveal(id));
const processes = new Processes();

let app = 'handover';
let now = { generation: null, url: null, processes: [] };
let records = new Map();
let changed = new Set();
let hasSample = false;
let isDrawing = false;
let source;

connect();

function connect() {
  if (source || document.visibilityState === 'hidden') return;
  source = new EventSource(`events${search}`);
  source.addEventListener('hello', ({ data }) => {
    ({ app, records, ...now } = JSON.parse(data));
    records = new Map(records.map((record) => [record.id, record]));
    changed = undefined;
    draw();
  });
  for (const event of ['now', 'memory']) {
    source.addEventListener(event, ({ data }) => {
      now = JSON.parse(data);
      hasSample ||= event === 'memory';
      draw();
    });
  }
  source.addEventListener('record', ({ data }) => {
    const record = JSON.parse(data);
    records.set(record.id, record);
    if (records.size > MOST_RECORDS) records.delete(records.keys().next().value);
    changed?.add(record);
    draw();
  });
  source.addEventListener('open', () => setConnection(''));
  source.addEventListener('error', () => {
    if (source?.readyState === EventSource.CLOSED) void lookForHandover();
    else setConnection(LOST);
  });
}

/** A browser does not tell why it has given up. */
async function lookForHandover() {
  disconnect();
  const answer = await fetch(location.href).catch(() => undefined);
  setConnection(answer?.status === 403 ? REPLACED : LOST);
  if (answer?.status !== 403) setTimeout(connect, RECONNECT_AFTER);
}

// A browser has six connections for all pages of a host: a page that nobody looks at needs none.
document.addEventListener('visibilitychange', () => {
  if (document.visibilityState === 'visible') connect();
  else disconnect();
});
window.addEventListener('pagehide', disconnect);
window.addEventListener('pageshow', connect);

function disconnect() {
  source?.close();
  source = undefined;
}

function setConnection(message) {
  setText(byId('connection'), message);
  byId('connection').hidden = message === '';
  document.body.classList.toggle('lost', message !== '');
  byId('restart').disabled = message !== '';
}

/** Once for all that has come until the next frame. */
function draw() {
  if (isDrawing) return;
  isDrawing = true;
  requestAnimationFrame(() => {
    isDrawing = false;
    const all = [...records.values()];
    if (changed === undefined || changed.size > 0) {
      restarts.show(all, changed);
      overview.show(all);
      showFailure(all);
      showState(all);
    }
    changed = new Set();
    processes.show(now.processes, hasSample);
    hasSample = false;
    showStatus(all);
  });
}

function showStatus(all) {
  const last = all.at(-1);
  const isRunning = last?.outcome === 'running';
  const serves = now.generation === null ? 'Nothing serves' : `Generation ${now.generation} serves`;
  const next = isRunning && last.generation !== undefined ? `, ${last.generation} is starting` : '';
  const status = byId('status');
  status.className = isRunning ? 'running' : now.generation === null ? 'down' : 'serving';
  setText(status.lastElementChild, serves + next);
  setText(byId('app'), app);
  const failed = !byId('failure').hidden;
  document.title = `${failed ? '✗ ' : ''}${app} · handover`;
  const link = byId('open');
  link.hidden = !/^https?:/.test(now.url ?? '');
  if (!link.hidden) link.href = now.url;
}

/** The last start, if it has failed; it goes away by itself when the next one begins. */
function showFailure(all) {
  const last = all.findLast(({ outcome }) => outcome !== 'superseded');
  const failure = ['failed', 'crashed'].includes(last?.outcome) ? last.failure : undefined;
  const box = byId('failure');
  box.hidden = !failure;
  if (!failure || box.dataset.id === `${last.id} ${failure.title}`) return;
  box.dataset.id = `${last.id} ${failure.title}`;
  setText(byId('failure-title'), failure.title);
  byId('failure-body').replaceChildren(failureText(failure));
}

function showState(all) {
  const last = all.findLast(({ stateKeys }) => stateKeys?.length > 0);
  byId('state-box').hidden = !last;
  if (!last) return;
  setText(byId('state-size'), bytes(last.stateBytes));
  byId('state').replaceChildren(stateTable(last.stateKeys));
}

byId('restart').addEventListener('click', async () => {
  const answer = await fetch(`restart${search}`, { method: 'POST' }).catch(() => undefined);
  if (!answer?.ok) setConnection('handover did not take the restart. Press r and Enter where it runs.');
});

byId('only-failures').addEventListener('change', ({ target }) => {
  byId('restarts').classList.toggle('only-failures', target.checked);
});

new ResizeObserver(() => {
  if (changed !== undefined) overview.show([...records.values()]);
}).observe(byId('columns'));
