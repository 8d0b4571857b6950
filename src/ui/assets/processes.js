import { byId, h } from './dom.js';
import { bytes } from './format.js';

const ROLES = { primary: 'primary', serving: 'serves', starting: 'starts', standby: 'standby', leaving: 'is leaving' };

const DOCS = {
  primary: 'owns the ports and never runs your code',
  serving: 'answers the requests',
  starting: 'is to be the next generation',
  standby: 'is warm, and waits for the next save',
  leaving: 'was replaced, and ends what it has begun',
};

/** Samples that are kept of each process: two minutes. */
const MOST_SAMPLES = 60;

/** What runs now, and the memory that it takes. */
export class Processes {
  #list = byId('processes');
  #samples = new Map();

  /** `isSample`: their memory has been read anew. */
  show(processes, isSample) {
    const order = Object.keys(ROLES);
    const sorted = processes.toSorted((a, b) => order.indexOf(a.role) - order.indexOf(b.role) || a.pid - b.pid);
    for (const pid of this.#samples.keys()) if (!processes.some((one) => one.pid === pid)) this.#samples.delete(pid);
    if (isSample) for (const { pid, memory } of processes) this.#note(pid, memory);
    const largest = Math.max(1, ...[...this.#samples.values()].flat());
    this.#list.replaceChildren(...sorted.map((one) => this.#row(one, largest)));
    const total = processes.reduce((all, { memory }) => all + (memory ?? 0), 0);
    byId('memory').textContent = total > 0 ? bytes(total) : '';
  }

  #note(pid, memory) {
    if (memory === null) return;
    const samples = this.#samples.get(pid) ?? [];
    this.#samples.set(pid, [...samples, memory].slice(-MOST_SAMPLES));
  }

  #row({ pid, role, generation, memory }, largest) {
    return h(
      'li',
      { class: role, title: `${role} ${DOCS[role]}` },
      h('span', { class: 'dot' }),
      h('span', { class: 'role' }, ROLES[role], generation ? h('b', {}, ` #${generation}`) : ''),
      h('span', { class: 'pid' }, `pid ${pid}`),
      h('span', { class: 'number' }, memory === null ? '' : bytes(memory)),
      sparkline(this.#samples.get(pid) ?? [], largest),
    );
  }
}

/** The memory of the last minutes, from nothing to the most that any of them has taken. */
function sparkline(samples, largest) {
  const svg = document.createElementNS('http://www.w3.org/2000/svg', 'svg');
  svg.setAttribute('viewBox', '0 0 100 20');
  svg.setAttribute('preserveAspectRatio', 'none');
  svg.setAttribute('aria-hidden', 'true');
  if (samples.length === 0) return svg;
  const step = 100 / (MOST_SAMPLES - 1);
  const at = (value) => 19 - (18 * value) / largest;
  const drawn = samples.length > 1 ? samples : [samples[0], samples[0]];
  const points = drawn.map(
    (value, index) => `${(100 - (drawn.length - 1 - index) * step).toFixed(2)},${at(value).toFixed(2)}`,
  );
  const begin = points[0].split(',')[0];
  for (const [name, list] of [
    ['area', `${begin},20 ${points.join(' ')} 100,20`],
    ['line', points.join(' ')],
  ]) {
    const shape = document.createElementNS('http://www.w3.org/2000/svg', name === 'area' ? 'polygon' : 'polyline');
    shape.setAttribute('class', name);
    shape.setAttribute('points', list);
    svg.append(shape);
  }
  return svg;
}
