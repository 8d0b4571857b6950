import { byId, h } from './dom.js';
import { count, ms, reason } from './format.js';
import { scaleOf } from './phases.js';

/** In pixels, with the gap. */
const COLUMN = 7;

/** The last restarts at a glance, as columns, and what they come to in numbers. */
export class Overview {
  #columns = byId('columns');
  #onPick;

  constructor(onPick) {
    this.#onPick = onPick;
    this.#columns.addEventListener(
      'click',
      ({ target }) => target.dataset.id && this.#onPick(Number(target.dataset.id)),
    );
  }

  show(records) {
    const shown = records.slice(-Math.max(10, Math.floor(this.#columns.clientWidth / COLUMN)));
    const scale = scaleOf(records);
    this.#columns.replaceChildren(...shown.map((record) => column(record, scale)));
    const committed = records.filter(({ outcome }) => outcome === 'committed');
    const failed = records.filter(({ outcome }) => outcome === 'failed').length;
    this.#columns.setAttribute('aria-label', `The last ${count(shown.length, 'restart')}, by their time`);
    // The first start is none, and takes longer.
    const restarts = committed.filter(({ generation }) => generation > 1);
    const held = sum(restarts, 'held');
    const rows = [
      ['restarts', String(restarts.length), failed > 0 ? `${failed} failed` : ''],
      [
        'median',
        restarts.length > 0 ? ms(median(restarts.map(({ totalMs }) => totalMs))) : '–',
        restarts.length > 0 ? `slowest ${ms(Math.max(...restarts.map(({ totalMs }) => totalMs)))}` : '',
      ],
      ['longest pause', restarts.length > 0 ? ms(Math.max(...restarts.map(({ pauseMs }) => pauseMs))) : '–', ''],
      [
        'requests held',
        String(held),
        held > 0 ? `longest ${ms(Math.max(...restarts.map(({ longestHoldMs = 0 }) => longestHoldMs)))}` : '',
      ],
      ['connections moved', String(sum(restarts, 'connectionsMoved')), ''],
    ];
    byId('numbers').replaceChildren(
      ...rows.map(([name, value, more]) =>
        h(
          'div',
          {},
          h('dt', {}, name),
          h('dd', {}, value, more && h('small', { class: / failed/.test(more) ? 'failed' : false }, more)),
        ),
      ),
    );
  }
}

function column({ id, outcome, totalMs = 0, pauseMs = 0, generation, reason: names }, scale) {
  const isWhole = outcome !== 'committed';
  const made = h('i', {
    class: outcome,
    'data-id': String(id),
    title: [
      `${reason(names) || outcome}`,
      generation && `generation ${generation}`,
      outcome === 'committed' ? ms(totalMs) : outcome,
    ]
      .filter(Boolean)
      .join(' · '),
  });
  made.style.height = isWhole ? '100%' : `${Math.max(4, Math.min(100, (100 * totalMs) / scale))}%`;
  if (pauseMs > 0 && totalMs > 0)
    made.style.setProperty('--paused', `${(100 * Math.min(pauseMs, totalMs)) / totalMs}%`);
  return made;
}

const sum = (records, key) => records.reduce((all, record) => all + (record[key] ?? 0), 0);

function median(values) {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)];
}
