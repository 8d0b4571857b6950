import assert from 'node:assert/strict';
import { test } from 'node:test';
import { counter } from '../helpers/apps.js';
import { noBrowser as skip, openPage } from '../helpers/browser.js';
import { request } from '../helpers/clients.js';
import { setUp } from '../helpers/fixture.js';
import { freePort } from '../helpers/ports.js';
import { FakeRestarter, startUi } from '../helpers/ui.js';

/** handover with a page, and the address of it that it has printed. */
async function start(t) {
  const ui = await freePort();
  const setup = await setUp(t, (port) => ({ 'app.mjs': counter({ port }) }));
  const { port, project, handover } = setup;
  const run = async () => {
    const running = handover([`--ui=${ui}`, 'app.mjs']);
    const [, url] = await running.printed(/^restarts: (http:\/\/127\.0\.0\.1:\d+\/\?token=[\w-]+)$/m);
    return { running, url };
  };
  const save = (version, extra) => project.save('app.mjs', counter({ port, version, extra }));
  return { ...setup, ...(await run()), ui, run, save };
}

test('the page shows the restarts as they happen, from the first on, and asks nobody else', { skip }, async (t) => {
  const { port, running, url, save, ui } = await start(t);
  await request(port, { method: 'POST' });
  save(2);
  await running.printed(/generation 2 in/);
  const page = await openPage(t);
  const asked = new Set();
  page.on('request', (sent) => asked.add(new URL(sent.url()).host));
  await page.goto(url);
  await page.getByText('Generation 2 serves').waitFor();
  const rows = page.locator('#restarts > li');
  assert.equal(await rows.count(), 2);
  await rows.nth(1).getByText('first start').waitFor();
  save(3);
  await page.getByText('Generation 3 serves').waitFor();
  const newest = rows.nth(0);
  // The times of a restart come in a message of their own.
  await newest.locator('.bar .commit').waitFor({ state: 'attached' });
  const names = await newest.locator('.bar i').evaluateAll((parts) => parts.map(({ className }) => className));
  assert.equal(names.at(-1), 'commit');
  assert.ok(names.includes('load') && names.includes('capture'), names.join());
  assert.equal(await newest.locator('.bar b').count(), 1, 'the pause');
  // All that is known of it, by the keyboard.
  await newest.locator('summary').focus();
  await page.keyboard.press('Enter');
  await newest.getByRole('row', { name: /^load [\d.]+ ms the app's code is loaded$/ }).waitFor();
  await newest.getByRole('row', { name: /^pause/ }).waitFor();
  await newest.getByRole('row', { name: /^state \d+ B$/ }).waitFor();
  await newest.getByText(/ended [\d.]+ ms after the switch/).waitFor();
  if (process.platform === 'linux') {
    const processes = page.getByRole('listitem').filter({ hasText: 'pid' });
    await processes.filter({ hasText: /primary.*\d MB/ }).waitFor();
    await processes.filter({ hasText: /serves #3.*\d MB/ }).waitFor();
    await processes.filter({ hasText: /standby.*\d MB/ }).waitFor();
  }
  await page.getByRole('button', { name: 'Restart' }).click();
  await page.getByText('Generation 4 serves').waitFor();
  await rows.nth(0).getByText('page', { exact: true }).waitFor();
  await running.printed(/page → generation 4 in /);
  assert.deepEqual([...asked], [`127.0.0.1:${ui}`]);
  assert.deepEqual(page.wrong, []);
});

test('a failed start stands above all with its code, until one works', { skip }, async (t) => {
  const { url, save } = await start(t);
  const page = await openPage(t);
  await page.goto(url);
  save(2, 'throw new Error("no config");');
  const failure = page.getByRole('alert', { name: /app\.mjs:8:7 generation 2 failed to start: Error: no config/ });
  await failure.waitFor();
  assert.match(await failure.innerText(), /> 8 \| throw new Error\("no config"\);/);
  assert.match(await page.title(), /^✗ /);
  await page.locator('#restarts > li.failed').getByText('Error: no config', { exact: true }).waitFor();
  save(3);
  await page.getByText('Generation 2 serves').waitFor();
  await failure.waitFor({ state: 'hidden' });
  assert.doesNotMatch(await page.title(), /^✗ /);
  await page.getByLabel('only failures').check();
  assert.equal(await page.locator('#restarts > li:visible').count(), 1);
});

test('the page says when handover has ended, and when another run has taken its place', { skip }, async (t) => {
  const { url, running, run } = await start(t);
  const page = await openPage(t);
  await page.goto(url);
  await page.getByText('Generation 1 serves').waitFor();
  await running.signal('SIGTERM');
  await page.getByText('handover does not answer').waitFor();
  const again = await run();
  await page.getByText('the page of an earlier run').waitFor();
  await page.goto(again.url);
  await page.getByText('Generation 1 serves').waitFor();
});

const LONG = 'src/a/very/long/path/that/does/not/fit/into/any/column/of/a/narrow/window/at/all/app.js';

async function openLongHistory(t, options) {
  const { restarter, page: url } = await startUi(t, { restarter: new FakeRestarter() });
  for (let generation = 1; generation <= 520; generation++) restarter.commit(generation, { reason: [LONG, 'b.js'] });
  restarter.emit('change', { reason: [LONG] });
  restarter.emit('loading', { generation: 521, pid: 1 });
  const error = new Error('a message that goes on and on '.repeat(10));
  restarter.emit('rolledBack', { error, generation: 521, serving: 520, reason: [LONG], files: [] });
  const page = await openPage(t, options);
  await page.goto(url.href);
  await page.locator('#failure').waitFor();
  return page;
}

test('500 restarts are all there, and fit into any window', { skip }, async (t) => {
  const page = await openLongHistory(t);
  assert.equal(await page.locator('#restarts > li').count(), 500);
  for (const width of [1600, 1000, 700, 320]) {
    await page.setViewportSize({ width, height: 700 });
    const { scrollWidth } = await page.evaluate(() => ({ scrollWidth: document.documentElement.scrollWidth }));
    assert.ok(scrollWidth <= width, `${scrollWidth} at ${width}`);
  }
  assert.deepEqual(page.wrong, []);
});

/** The contrast of a text with what is behind it (WCAG 2, 1.4.3). */
function contrasts() {
  const luminance = (color) => {
    const [r, g, b] = color
      .match(/[\d.]+/g)
      .slice(0, 3)
      .map((value) => (value / 255 <= 0.03928 ? value / 255 / 12.92 : ((value / 255 + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const behind = (element) => {
    const color = getComputedStyle(element).backgroundColor;
    return color.endsWith(', 0)') ? behind(element.parentElement) : color;
  };
  const texts =
    'h1, h2, #status, a, button, dt, dd, small, time, .reason, .note, .total, .pid, #axis span, pre span, label';
  return [...document.querySelectorAll(texts)].slice(0, 200).map((element) => {
    const [light, dark] = [luminance(getComputedStyle(element).color), luminance(behind(element))].toSorted(
      (a, b) => b - a,
    );
    return { name: `${element.localName}.${element.className}`, contrast: (light + 0.05) / (dark + 0.05) };
  });
}

for (const colorScheme of ['light', 'dark']) {
  test(`every text can be read, ${colorScheme}`, { skip }, async (t) => {
    const page = await openLongHistory(t, { colorScheme });
    const found = await page.evaluate(contrasts);
    assert.ok(found.length > 50);
    assert.deepEqual(
      found.filter(({ contrast }) => contrast < 4.5),
      [],
    );
  });
}
