// Charts of a scenario as SVG, for light and dark. A scenario returns them as `charts`, each one of:
//   { file, title, kind: 'bars', unit, scale: 'linear' | 'log', groups: [name], series: [{ name, values: [number | null] }] }
//   { file, title, kind: 'lines', x: { label, scale }, y: { label, scale }, series: [{ name, points: [[x, y]] }] }
// A series may have a `tone`: 'own' (handover; the first series unless one says so), 'peer', or 'reference' (a limit).
import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';

const WIDTH = 720;
const FONT = 13;
/** The mean width of a character, as a part of the font's size: browsers lay out text that we can't measure. */
const CHARACTER = 0.6;
const EDGE = 16;
const TOP = 48;

/** A line of more points has no value at each of them, and no dots. */
const MOST_LABELLED = 12;

/** Light and dark of each: text, muted text, grid, ground, then the series. */
const COLOURS = {
  text: ['#1f2328', '#e6edf3'],
  muted: ['#59636e', '#9198a1'],
  grid: ['#e1e6eb', '#2b3139'],
  ground: ['#ffffff', '#0d1117'],
  own: ['#0969da', '#4493f8'],
  peer: ['#afb8c1', '#59626c'],
  peer1: ['#bc4c00', '#f0883e'],
  peer2: ['#1a7f37', '#3fb950'],
  peer3: ['#8250df', '#a371f7'],
  peer4: ['#bf3989', '#f778ba'],
  peer5: ['#9a6700', '#d29922'],
  reference: ['#59636e', '#9198a1'],
};

/** Writes a file for each chart. */
export async function writeCharts(dir, charts) {
  await mkdir(dir, { recursive: true });
  await Promise.all(charts.map((chart) => writeFile(path.join(dir, `${chart.file}.svg`), svgOf(chart))));
}

/** What a chart says, in a sentence for each of its groups or series. */
export function textOf(chart) {
  if (chart.kind === 'bars') {
    return chart.groups
      .map((group, at) => {
        const values = chart.series.filter(({ values }) => isNumber(values[at]));
        return `${group}: ${values.map(({ name, values }) => `${name} ${full(values[at])} ${chart.unit}`).join(', ')}.`;
      })
      .join(' ');
  }
  const axes = `${chart.y.label} by ${chart.x.label}.`;
  const lines = chart.series.map(
    ({ name, points }) => `${name}: ${points.map(([x, y]) => `${full(y)} at ${full(x)}`).join(', ')}.`,
  );
  return [axes, ...lines].join(' ');
}

export function svgOf(chart) {
  const hasOwn = chart.series.some(({ tone }) => tone === 'own');
  const series = chart.series.map((each, at) => ({
    ...each,
    tone: each.tone ?? (at === 0 && !hasOwn ? 'own' : 'peer'),
  }));
  const { height, parts } = chart.kind === 'bars' ? bars({ ...chart, series }) : lines({ ...chart, series });
  return `${[
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" width="${WIDTH}" height="${height}" role="img" aria-labelledby="title desc">`,
    `<title id="title">${escape(chart.title)}</title>`,
    `<desc id="desc">${escape(textOf(chart))}</desc>`,
    `<style>${style()}</style>`,
    `<rect class="ground" width="${WIDTH}" height="${height}" rx="8"/>`,
    text(EDGE, 27, chart.title, 'text heading'),
    ...parts,
    '</svg>',
  ].join('\n')}\n`;
}

function style() {
  const rules = (at) => {
    const tones = Object.entries(COLOURS).map(([name, { [at]: colour }]) => {
      return `.${name}{fill:${colour}}.stroke.${name}{stroke:${colour};fill:none}`;
    });
    return `${tones.join('')}.halo{stroke:${COLOURS.ground[at]}}`;
  };
  return [
    `text{font:${FONT}px system-ui,-apple-system,"Segoe UI",Roboto,"DejaVu Sans",sans-serif}`,
    '.heading{font-size:16px;font-weight:600}.strong{font-weight:600}.small{font-size:12px}',
    '.stroke{stroke-width:2;stroke-linejoin:round}.stroke.grid{stroke-width:1}',
    '.stroke.reference{stroke-dasharray:5 4}.halo{paint-order:stroke;stroke-width:4;stroke-linejoin:round}',
    rules(0),
    `@media (prefers-color-scheme:dark){${rules(1)}}`,
  ].join('');
}

// Bars: a group below the other, a row for each series that has a value in it.

function bars({ unit, scale, groups, series }) {
  const row = 21;
  const gap = 14;
  const left = EDGE + Math.max(...series.map(({ name }) => widthOf(name))) + 10;
  const values = series.flatMap(({ values }) => values.filter(isNumber));
  const longest = Math.max(...values.map((value) => widthOf(`${full(value)} ${unit}`)));
  const right = WIDTH - EDGE - longest - 8;
  const axis = axisOf(values, scale, { from: left, to: right, isBar: true });
  const parts = [];
  let y = TOP;
  for (const [at, group] of groups.entries()) {
    const rows = series.filter(({ values }) => isNumber(values[at]));
    if (rows.length === 0) continue;
    parts.push(text(EDGE, y + 15, group, 'text strong'));
    y += row + 2;
    for (const { name, tone, values } of rows) {
      const end = axis.at(values[at]);
      const weight = tone === 'own' ? ' strong' : '';
      parts.push(
        text(left - 10, y + 15, name, `${tone === 'own' ? 'text' : 'muted'}${weight}`, 'end'),
        bar(left, y + 3, Math.max(1, end - left), row - 6, tone),
        text(Math.max(left + 1, end) + 7, y + 15, `${full(values[at])} ${unit}`, `text${weight}`),
      );
      y += row;
    }
    y += gap;
  }
  const bottom = y - gap + 4;
  const grid = axis.ticks.flatMap((tick) => [
    `<line class="stroke grid" x1="${axis.at(tick)}" y1="${TOP}" x2="${axis.at(tick)}" y2="${bottom}"/>`,
    text(axis.at(tick), bottom + 16, short(tick), 'muted small', 'middle'),
  ]);
  const label = text(EDGE, bottom + 16, scale === 'log' ? `${unit}, logarithmic` : unit, 'muted small');
  return { height: bottom + 30, parts: [...grid, ...parts, label] };
}

function bar(x, y, width, height, tone) {
  if (tone !== 'reference')
    return `<rect class="${tone}" x="${x}" y="${y}" width="${fix(width)}" height="${height}" rx="2"/>`;
  return `<rect class="stroke reference" style="stroke-width:1.5" x="${x + 0.75}" y="${y + 0.75}" width="${fix(width)}" height="${height - 1.5}" rx="2"/>`;
}

// Lines: named at their ends, so that no legend has to be matched by colour alone.

function lines({ x, y, series }) {
  const height = 400;
  const shown = series
    .map((each) => ({ ...each, points: each.points.filter((point) => point.every(isNumber)) }))
    .filter(({ points }) => points.length > 0);
  const names = shown.map(({ name, points }) => `${name}  ${full(points.at(-1)[1])}`);
  const points = shown.flatMap(({ points }) => points);
  const [top, bottom] = [TOP + 26, height - 50];
  const yAxis = axisOf(
    points.map(([, value]) => value),
    y.scale,
    { from: bottom, to: top },
  );
  const left = EDGE + Math.max(...yAxis.ticks.map((tick) => widthOf(short(tick)))) + 8;
  const right = WIDTH - EDGE - Math.max(...names.map(widthOf)) - 14;
  const xAxis = axisOf(
    points.map(([value]) => value),
    x.scale,
    { from: left + 8, to: right, isTight: true },
  );
  const parts = [text(EDGE, TOP + 6, labelOf(y), 'muted small')];
  for (const tick of yAxis.ticks) {
    parts.push(
      `<line class="stroke grid" x1="${fix(left)}" y1="${yAxis.at(tick)}" x2="${fix(right)}" y2="${yAxis.at(tick)}"/>`,
      text(left - 8, yAxis.at(tick) + 4, short(tick), 'muted small', 'end'),
    );
  }
  for (const tick of xAxis.ticks) parts.push(text(xAxis.at(tick), bottom + 20, short(tick), 'muted small', 'middle'));
  parts.push(text((left + right) / 2, height - 12, labelOf(x), 'muted small', 'middle'));

  let peers = 0;
  const drawn = shown.map(({ tone, points }, at) => ({
    name: names[at],
    isOwn: tone === 'own',
    hasDots: tone !== 'reference' && points.length <= MOST_LABELLED,
    colour: tone === 'peer' ? `peer${(peers++ % 5) + 1}` : tone,
    points,
    places: points.map(([x, y]) => [xAxis.at(x), yAxis.at(y)]),
  }));
  // Ours last: it lies above the others.
  for (const line of drawn.toSorted((a, b) => Number(a.isOwn) - Number(b.isOwn))) {
    const { colour, places } = line;
    parts.push(`<polyline class="stroke ${colour}" points="${places.map((place) => place.join(',')).join(' ')}"/>`);
    if (line.hasDots) parts.push(...places.map(([x, y]) => `<circle class="${colour}" cx="${x}" cy="${y}" r="3.5"/>`));
  }
  for (const line of drawn.filter(({ isOwn }) => isOwn)) {
    const others = drawn.filter((other) => other !== line).map(({ places }) => places);
    parts.push(...valuesAt(line.places, line.points, others, left));
  }
  const ends = drawn.map((line) => ({ ...line, y: line.places.at(-1)[1] }));
  for (const { y, name, colour, isOwn } of apart(ends, top, bottom)) {
    parts.push(text(right + 12, y + 4, name, `${colour}${isOwn ? ' strong' : ''}`));
  }
  return { height, parts };
}

/**
 * The values of a line above or below its points, wherever the other lines are farther away. The last one is told beside
 * it; of many points, only the first and the greatest.
 */
function valuesAt(places, points, others, left) {
  const greatest = points.reduce((best, [, value], at) => (value > points[best][1] ? at : best), 0);
  let free = left;
  const parts = [];
  for (const [at, [x, y]] of places.slice(0, -1).entries()) {
    if (points.length > MOST_LABELLED && at > 0 && at !== greatest) continue;
    const value = full(points[at][1]);
    const half = widthOf(value) / 2;
    const middle = Math.max(x, left + half + 2);
    if (middle - half < free) continue;
    free = middle + half + 6;
    const crossing = others.map((other) => heightAt(other, x)).filter((height) => height !== undefined);
    const roomAt = (height) => Math.min(...crossing.map((other) => Math.abs(other - height)));
    const isBelow = roomAt(y + 14) > roomAt(y - 14);
    parts.push(text(middle, isBelow ? y + 19 : y - 9, value, 'text small halo', 'middle'));
  }
  return parts;
}

/** Where a line is at that place of the other axis; undefined before its begin and after its end. */
function heightAt(places, x) {
  const at = places.findIndex(([right]) => right >= x);
  if (at < 0) return undefined;
  const [right, below] = places[at];
  if (at === 0) return right === x ? below : undefined;
  const [left, above] = places[at - 1];
  return above + ((below - above) * (x - left)) / (right - left);
}

/** Moves names that would overlap apart, in their order from top to bottom. */
function apart(ends, top, bottom) {
  const line = FONT + 4;
  const sorted = ends.toSorted((a, b) => a.y - b.y);
  for (const [at, end] of sorted.entries()) end.y = Math.max(end.y, at > 0 ? sorted[at - 1].y + line : top);
  for (let at = sorted.length - 1; at >= 0; at--) {
    sorted[at].y = Math.min(sorted[at].y, at + 1 < sorted.length ? sorted[at + 1].y - line : bottom);
  }
  return sorted;
}

// Axes.

/** Where values are along an axis, and the ticks within it. */
function axisOf(values, scale, { from, to, isBar = false, isTight = false }) {
  const place = (part) => fix(from + (to - from) * part);
  if (scale === 'log')
    return logarithmic(
      values.filter((value) => value > 0),
      place,
      { isBar, isTight },
    );
  const least = isTight ? Math.min(...values) : Math.min(0, ...values);
  const greatest = Math.max(...values);
  const step = stepOf((greatest - least || 1) / 5);
  // The last grid line of a line chart is above all values; a bar may end between two.
  const high = isBar || isTight ? greatest : Math.ceil(greatest / step) * step;
  const first = Math.ceil(least / step);
  const count = Math.floor(high / step + 1e-9) - first + 1;
  const ticks = Array.from({ length: count }, (_, index) => Number(((first + index) * step).toPrecision(12)));
  return { ticks, at: (value) => place((value - least) / (high - least || 1)) };
}

function logarithmic(values, place, { isBar, isTight }) {
  const least = values.length > 0 ? Math.min(...values) : 1;
  const greatest = Math.max(least * 1.01, ...values);
  const candidates = [];
  for (let power = Math.floor(Math.log10(least)) - 1; power <= Math.ceil(Math.log10(greatest)); power++) {
    candidates.push(...[1, 2, 5].map((factor) => Number((factor * 10 ** power).toPrecision(12))));
  }
  // A bar of the least value has a length, too.
  const low = isTight ? least : candidates.findLast((tick) => tick <= (isBar ? least * 0.7 : least));
  const high = isBar || isTight ? greatest : candidates.find((tick) => tick >= greatest);
  const within = candidates.filter((tick) => tick >= low * 0.999 && tick <= high * 1.001);
  const decades = within.filter((tick) => Number.isInteger(Math.log10(tick)));
  const ticks = decades.length > 2 ? [...new Set([...(isBar ? [low] : []), ...decades])] : within;
  // What is 0 lies on the axis.
  return { ticks, at: (value) => place(Math.max(0, Math.log10(value / low)) / Math.log10(high / low)) };
}

/** 1, 2 or 5 times a power of ten, at least `size`. */
function stepOf(size) {
  const power = 10 ** Math.floor(Math.log10(size));
  return power * [1, 2, 5, 10].find((factor) => factor * power >= size * 0.999);
}

// Text.

const labelOf = ({ label, scale }) => (scale === 'log' ? `${label} (logarithmic)` : label);
const isNumber = (value) => typeof value === 'number' && Number.isFinite(value);
const full = (value) => value.toLocaleString('en-US', { maximumFractionDigits: 2 });
const COMPACT = new Intl.NumberFormat('en-US', { notation: 'compact', maximumFractionDigits: 2 });
const short = (value) => (Math.abs(value) < 10_000 ? full(value) : COMPACT.format(value).replace('K', 'k'));
const fix = (value) => Number(value.toFixed(1));
const widthOf = (text) => text.length * FONT * CHARACTER;
const escape = (text) => text.replace(/[&<>"]/g, (character) => `&#${character.charCodeAt(0)};`);

function text(x, y, content, classes, anchor = 'start') {
  const place = anchor === 'start' ? '' : ` text-anchor="${anchor}"`;
  return `<text class="${classes}" x="${fix(x)}" y="${fix(y)}"${place}>${escape(content)}</text>`;
}
