import { details } from './details.js';
import { byId, h } from './dom.js';
import { bytes, count, date, ms, reason, time } from './format.js';
import { bar, legend, scaleOf } from './phases.js';

const STEPS = {
  loading: 'loads the app',
  prepared: 'is prepared',
  quiesced: 'takes over',
  captured: 'takes over',
  ready: 'is ready',
};

/** The list of all restarts, the newest first. Each row opens to all that is known of it. */
export class Restarts {
  #list = byId('restarts');
  #axis = byId('axis');
  #rows = new Map();
  #scale = 0;

  /** `changed`: the records that are new or not what they were; undefined: all. */
  show(records, changed) {
    const scale = scaleOf(records);
    const isRescaled = scale !== this.#scale;
    this.#scale = scale;
    if (isRescaled) this.#showAxis();
    byId('legend').replaceChildren(...legend(records));
    byId('none').hidden = records.length > 0;
    const known = new Set(records.map(({ id }) => id));
    for (const [id, row] of this.#rows) if (!known.has(id)) this.#drop(id, row);
    for (const record of isRescaled || !changed ? records : changed) this.#update(record);
  }

  /** Opens the row of a record, and shows it. */
  reveal(id) {
    const row = this.#rows.get(id);
    if (!row) return;
    row.open = true;
    row.scrollIntoView({ block: 'nearest' });
    row.querySelector('summary').focus({ preventScroll: true });
  }

  #drop(id, row) {
    this.#rows.delete(id);
    row.parentElement.remove();
  }

  #update(record) {
    let row = this.#rows.get(record.id);
    if (!row) {
      const made = h('details', { id: `restart-${record.id}` }, h('summary'), h('div', { class: 'more' }));
      row = made;
      made.addEventListener('toggle', () => this.#fill(made));
      this.#rows.set(record.id, made);
      this.#list.prepend(h('li', {}, made));
    }
    row.record = record;
    row.parentElement.className = record.outcome;
    row.firstChild.setAttribute('aria-label', sentence(record));
    row.firstChild.replaceChildren(...this.#cells(record));
    this.#fill(row);
  }

  /** What nobody has opened is not made. */
  #fill(row) {
    if (!row.open) return;
    const more = details(row.record);
    row.lastChild.replaceChildren(...(more.length > 0 ? more : [h('p', {}, 'Nothing more is known of it.')]));
  }

  #cells(record) {
    const { at, generation, reason: names, warnings } = record;
    return [
      h('time', { datetime: new Date(at).toISOString(), title: date(at) }, time(at)),
      h('span', { class: 'generation' }, generation === undefined ? '' : `#${generation}`),
      h('span', { class: 'reason', title: names.join('\n') }, what(record), warnings ? warningMark(warnings) : ''),
      bar(record, this.#scale),
      ...(record.outcome === 'committed'
        ? costs(record)
        : [h('span', { class: 'note', title: record.failure?.title }, note(record))]),
    ];
  }

  #showAxis() {
    const marks = [0, 1, 2, 3, 4].map((quarter) =>
      h('span', {}, quarter === 4 ? ms(this.#scale) : String(round((this.#scale * quarter) / 4))),
    );
    this.#axis.replaceChildren(...marks);
  }
}

const round = (value) => Math.round(value * 10) / 10;

const warningMark = (warnings) => h('span', { class: 'mark', title: warnings.join('\n') }, ' ⚠');

function costs({ totalMs, pauseMs, held, connectionsMoved, stateBytes }) {
  const number = (name, value) => h('span', { class: `number ${name}`, 'data-name': name }, value);
  return [
    number('total', ms(totalMs)),
    number('pause', pauseMs >= 0.05 ? ms(pauseMs) : ''),
    number('held', held > 0 ? String(held) : ''),
    number('moved', connectionsMoved > 0 ? String(connectionsMoved) : ''),
    number('state', stateBytes > 0 ? bytes(stateBytes) : ''),
  ];
}

function what({ outcome, reason: names, generation }) {
  if (outcome === 'crashed') return 'crash';
  if (outcome === 'finished') return 'end';
  return reason(names) || (generation === 1 ? 'first start' : 'restart');
}

/** What became of one that is not, or not yet, a restart. */
function note({ outcome, step, failure }) {
  switch (outcome) {
    case 'running':
      return `${STEPS[step] ?? 'waits'} …`;
    case 'superseded':
      return 'overtaken by another save';
    case 'crashed':
      return failure?.title.replace(/^generation \d+ /, '') ?? 'has crashed';
    case 'finished':
      return 'has ended by itself';
    default:
      return failure?.title.replace(/^.*? failed to start: /, '') ?? 'failed to start';
  }
}

/** A row, as it is read out. */
function sentence(record) {
  const { at, generation, totalMs, pauseMs, held, connectionsMoved, stateBytes } = record;
  return [
    time(at),
    generation === undefined ? '' : `generation ${generation}`,
    what(record),
    record.outcome === 'committed' ? `in ${ms(totalMs)}` : `${record.outcome}: ${note(record)}`,
    pauseMs >= 0.05 ? `pause ${ms(pauseMs)}` : '',
    held > 0 ? `${count(held, 'request')} held` : '',
    connectionsMoved > 0 ? `${count(connectionsMoved, 'connection')} moved` : '',
    stateBytes > 0 ? `state ${bytes(stateBytes)}` : '',
  ]
    .filter(Boolean)
    .join(', ');
}
