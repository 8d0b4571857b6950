import { h } from './dom.js';
import { bytes, count, ms } from './format.js';
import { phaseDoc } from './phases.js';

/** All that is known of a restart. */
export function details(record) {
  const { failure, warnings = [] } = record;
  return [
    failure && h('p', { class: 'title' }, failure.title),
    failure && failureText(failure),
    record.phases && phaseTable(record),
    facts(record),
    record.stateKeys?.length > 0 && stateTable(record.stateKeys),
    warnings.length > 0 &&
      h(
        'ul',
        { class: 'warnings' },
        warnings.map((warning) => h('li', {}, warning)),
      ),
  ].filter(Boolean);
}

/** The line at which it failed, and the caret below it, stand out. */
export function failureText({ body }) {
  return h(
    'pre',
    { tabindex: '0' },
    body.split('\n').map((line) => h('span', { class: kindOf(line) }, `${line}\n`)),
  );
}

function kindOf(line) {
  if (line.startsWith('> ')) return 'here';
  if (/^ +\| *\^/.test(line)) return 'caret';
  return /^ +\d+ \|/.test(line) ? 'code' : 'text';
}

/** Each phase where it stands in the whole. */
function phaseTable({ phases, totalMs, pauseMs }) {
  let begin = 0;
  const rows = phases.map(({ name, ms: part }) => {
    const mark = h('i', { class: name });
    mark.style.marginLeft = `${(100 * begin) / totalMs}%`;
    mark.style.width = `${(100 * part) / totalMs}%`;
    begin += part;
    return h(
      'tr',
      {},
      h('th', { scope: 'row' }, name),
      h('td', { class: 'number' }, ms(part)),
      h('td', { class: 'place' }, mark),
      h('td', { class: 'doc' }, phaseDoc(name)),
    );
  });
  const pause = h('b');
  pause.style.marginLeft = `${(100 * Math.max(0, totalMs - pauseMs)) / totalMs}%`;
  pause.style.width = `${(100 * Math.min(pauseMs, totalMs)) / totalMs}%`;
  if (pauseMs > 0) {
    rows.push(
      h(
        'tr',
        {},
        h('th', { scope: 'row' }, 'pause'),
        h('td', { class: 'number' }, ms(pauseMs)),
        h('td', { class: 'place' }, pause),
        h('td', { class: 'doc' }, 'nothing served; connections waited'),
      ),
    );
  }
  return h(
    'table',
    { class: 'phases' },
    h('caption', { class: 'unseen' }, 'Where the time went'),
    h('tbody', {}, rows),
  );
}

function facts({ reason, connectionsMoved, held, longestHoldMs, stateBytes, drained }) {
  const list = [
    reason.length > 1 && ['changed', reason.join(', ')],
    held > 0 && [
      'requests held',
      `${held}, ${held > 1 ? 'the longest' : ''} for ${ms(longestHoldMs)}`.replace('  ', ' '),
    ],
    connectionsMoved > 0 && ['connections moved', String(connectionsMoved)],
    stateBytes > 0 && ['state', bytes(stateBytes)],
    drained && [
      'old process',
      `ended ${ms(drained.ms)} after the switch${drained.ended ? '' : ', and something had to be cut'}`,
    ],
    ...(drained?.report ?? []).map((line) => ['', line]),
  ].filter(Boolean);
  return (
    list.length > 0 &&
    h(
      'dl',
      {},
      list.map(([name, value]) => h('div', {}, h('dt', {}, name), h('dd', {}, value))),
    )
  );
}

/** What was kept, the largest first. */
export function stateTable(keys) {
  const largest = keys[0].bytes;
  const rows = keys.map(({ key, bytes: size }) => {
    const mark = h('i');
    mark.style.width = `${(100 * size) / largest}%`;
    return h(
      'tr',
      {},
      h('th', { scope: 'row' }, key),
      h('td', { class: 'number' }, bytes(size)),
      h('td', { class: 'place' }, mark),
    );
  });
  return h(
    'table',
    { class: 'state' },
    h('caption', { class: 'unseen' }, `The state: ${count(keys.length, 'key')}`),
    h('tbody', {}, rows),
  );
}
