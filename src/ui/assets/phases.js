import { h } from './dom.js';
import { ms } from './format.js';

/** The parts of a restart's time in their order, and what happens in them. */
const PHASES = {
  detect: 'making sure that a file has changed',
  wait: 'more changes were awaited',
  boot: 'the new process was not warm yet',
  load: "the app's code is loaded",
  prepare: "the app's prepare()",
  quiesce: 'requests in flight are answered',
  capture: 'the state is taken',
  restore: 'the state is given to the new process',
  start: 'the app starts to listen',
  commit: 'all that is left, and the switch',
};

export const phaseDoc = (name) => PHASES[name] ?? '';

/** A bar whose full width is `scale` milliseconds: the phases one behind the other, the pause below them. */
export function bar({ outcome, phases, totalMs = 0, pauseMs = 0 }, scale) {
  const share = (value) => `${(100 * value) / scale}%`;
  const track = h('span', { class: `bar ${outcome}` });
  if (!phases) {
    const width = outcome === 'running' ? '100%' : share(Math.min(totalMs, scale));
    track.append(sized(h('i', { class: `whole ${outcome}` }), width));
    return track;
  }
  for (const { name, ms: part } of phases) {
    if (part > 0) track.append(sized(h('i', { class: name, title: `${name} ${ms(part)}` }), share(part)));
  }
  if (pauseMs > 0) {
    const pause = h('b', { title: `nothing served for ${ms(pauseMs)}` });
    pause.style.left = share(Math.max(0, totalMs - pauseMs));
    pause.style.width = share(pauseMs);
    track.append(pause);
  }
  if (totalMs > scale) track.append(h('em', { title: 'longer than the scale' }));
  return track;
}

/** The phases that occur in these restarts, by colour. */
export function legend(records) {
  const seen = new Set(records.flatMap(({ phases = [] }) => phases.map(({ name }) => name)));
  const names = Object.keys(PHASES).filter((name) => seen.has(name));
  return [
    ...names.map((name) => h('li', { title: PHASES[name] }, h('i', { class: name }), name)),
    h('li', { title: 'nothing serves; connections wait' }, h('b'), 'pause'),
  ];
}

function sized(element, width) {
  element.style.width = width;
  return element;
}

/** A round number of milliseconds that the usual restart has room in; what is much slower goes beyond it. */
export function scaleOf(records) {
  const times = records.flatMap(({ outcome, totalMs }) => (outcome === 'committed' && totalMs ? [totalMs] : []));
  times.sort((a, b) => a - b);
  const median = times[Math.floor(times.length / 2)] ?? 10;
  return roundUp(Math.max(Math.min(2.2 * median, (times.at(-1) ?? median) * 1.1), 4));
}

function roundUp(value) {
  const power = 10 ** Math.floor(Math.log10(value));
  return power * [1, 2, 4, 6, 8, 10].find((step) => step * power >= value);
}
