import assert from 'node:assert/strict';
import { once } from 'node:events';
import http from 'node:http';
import { test } from 'node:test';
import { noBrowser as skip, openPage, watchLoads } from '../helpers/browser.js';
import { setUp } from '../helpers/fixture.js';
import { freePort } from '../helpers/ports.js';
import { SERVER } from '../helpers/tls.js';

/** An app with a page whose heading is its version. `code` runs before it listens, `head` is of the page. */
const app = ({ port, version, headers = {}, head = '', code = '', secure }) =>
  `import fs from 'node:fs'; import http from 'node:http'; import http2 from 'node:http2'; import https from 'node:https';
import { keep } from 'handover';
keep('visits', () => new Map());
${code}
const server = ${secure ? `${secure}(${SERVER})` : 'http.createServer()'};
server.on('request', (request, response) => {
  if (request.url === '/favicon.ico') return response.writeHead(204).end();
  response.writeHead(200, { 'content-type': 'text/html; charset=utf-8', ...${JSON.stringify(headers)} });
  response.end(${JSON.stringify(`<!doctype html><html><head><title>app</title>${head}</head><body><h1>version ${version}</h1></body></html>`)});
});
server.listen(${port}, '127.0.0.1');
`;

/** A script gate: the generation goes on when the file is there. */
const GATE = `console.log('at the gate');
while (!fs.existsSync('open')) await new Promise((resolve) => setTimeout(resolve, 5));`;

const FAILS = `function connect(config) { return config.database.url; }
connect({});`;

/** handover with an app of version 1, and the way to save others. */
async function start(t, { args = ['--live-reload'], ...options } = {}) {
  const ui = await freePort();
  const setup = await setUp(t, (port) => ({ 'app.mjs': app({ port, version: 1, ...options }) }));
  const { port, project, handover } = setup;
  const run = async () => {
    const running = handover([`--ui=${ui}`, ...args, 'app.mjs']);
    await running.printed(/generation 1 in/);
    return running;
  };
  return {
    ...setup,
    ui,
    run,
    running: await run(),
    save: (version, more) => project.save('app.mjs', app({ port, version, ...options, ...more })),
  };
}

test('a page reloads when the next generation serves, once, and not before', { skip }, async (t) => {
  const { port, project, running, save } = await start(t);
  const page = await openPage(t);
  const loads = await watchLoads(page);
  await page.goto(`http://127.0.0.1:${port}/`);
  await loads.showed('version 1');
  save(2, { code: GATE });
  await running.printed(/at the gate/);
  assert.deepEqual(loads.shown, ['version 1']);
  project.write({ open: '' });
  await loads.showed('version 2');
  for (const version of [3, 4, 5]) {
    save(version);
    await loads.showed(`version ${version}`);
  }
  assert.deepEqual(loads.shown, ['version 1', 'version 2', 'version 3', 'version 4', 'version 5']);
  assert.deepEqual(page.wrong, []);
  // The script goes from the page once it runs.
  await page.locator('script').waitFor({ state: 'detached' });
});

const STRICT = {
  'content-security-policy':
    "default-src 'none'; style-src 'self'; require-trusted-types-for 'script'; upgrade-insecure-requests",
  'cross-origin-embedder-policy': 'require-corp',
  'cross-origin-opener-policy': 'same-origin',
};

test('a failed start lies over the page, and goes away by itself, whatever the page allows', { skip }, async (t) => {
  const { port, running, save } = await start(t, { headers: STRICT });
  const page = await openPage(t);
  const loads = await watchLoads(page);
  await page.goto(`http://localhost:${port}/`.replace('localhost', '127.0.0.1'));
  await loads.showed('version 1');
  save(2, { code: FAILS });
  const dialog = page.getByRole('alertdialog', { name: /app\.mjs:4:\d+ generation 2 failed to start: TypeError/ });
  await dialog.waitFor();
  const text = await dialog.innerText();
  assert.match(text, /> 4 \| function connect\(config\) \{ return config\.database\.url; \}/);
  assert.match(text, /generation 1 keeps serving; the next save tries again/);
  const [background] = await dialog.evaluateAll((found) => found.map((one) => getComputedStyle(one).borderRadius));
  assert.equal(background, '8px');
  // It is put away until another start fails.
  await page.keyboard.press('Escape');
  await dialog.waitFor({ state: 'detached' });
  save(3, { code: `${FAILS} // again` });
  await dialog.waitFor();
  await page.getByRole('button', { name: 'Close' }).click();
  await dialog.waitFor({ state: 'detached' });
  save(4, { code: `${FAILS} // and again` });
  await dialog.waitFor();
  save(5);
  await loads.showed('version 5');
  await dialog.waitFor({ state: 'detached' });
  assert.deepEqual(loads.shown, ['version 1', 'version 5']);
  assert.deepEqual(page.wrong, []);
  await running.signal('SIGTERM');
});

test('a page that is opened after a failure shows it', { skip }, async (t) => {
  const { port, running, save } = await start(t);
  save(2, { code: FAILS });
  await running.printed(/failed to start/);
  const page = await openPage(t);
  await page.goto(`http://127.0.0.1:${port}/`);
  await page.getByRole('alertdialog').waitFor();
});

test('pages find handover again when it was restarted, and show what serves then', { skip }, async (t) => {
  const { port, running, run, save } = await start(t);
  const page = await openPage(t);
  const loads = await watchLoads(page);
  await page.goto(`http://127.0.0.1:${port}/`);
  await loads.showed('version 1');
  await running.signal('SIGTERM');
  save(2);
  await run();
  await loads.showed('version 2');
  save(3);
  await loads.showed('version 3');
  assert.deepEqual(loads.shown, ['version 1', 'version 2', 'version 3']);
});

test(
  'a page that was answered by the old generation while the next one took over reloads, too',
  { skip },
  async (t) => {
    const { port, running, save } = await start(t);
    const page = await openPage(t);
    const loads = await watchLoads(page);
    // Its script is still on its way when the next generation serves.
    let arrived;
    const asked = new Promise((resolve) => (arrived = resolve));
    let goOn;
    const committed = new Promise((resolve) => (goOn = resolve));
    await page.route(/\/reload\.js/, async (route) => {
      arrived();
      await committed;
      await route.continue();
    });
    await page.goto(`http://127.0.0.1:${port}/`, { waitUntil: 'commit' });
    await asked;
    save(2);
    await running.printed(/generation 2 in/);
    goOn();
    await loads.showed('version 2');
    save(3);
    await loads.showed('version 3');
    assert.deepEqual(loads.shown, ['version 1', 'version 2', 'version 3']);
  },
);

test('a page to which one goes back shows what serves now', { skip }, async (t) => {
  const { port, save } = await start(t);
  const page = await openPage(t);
  const loads = await watchLoads(page);
  await page.goto(`http://127.0.0.1:${port}/one`);
  await loads.showed('version 1');
  await page.goto(`http://127.0.0.1:${port}/two`);
  save(2);
  await loads.showed('version 2');
  await page.goBack();
  await page.getByText('version 2').waitFor();
  assert.match(page.url(), /one$/);
});

test('one line in the page is enough, without --live-reload', { skip }, async (t) => {
  const ui = await freePort();
  const head = `<script src="http://127.0.0.1:${ui}/reload.js"></script>`;
  const { port, project, handover } = await setUp(t, (port) => ({ 'app.mjs': app({ port, version: 1, head }) }));
  const running = handover([`--ui=${ui}`, 'app.mjs']);
  await running.printed(/generation 1 in/);
  const page = await openPage(t);
  const loads = await watchLoads(page);
  await page.goto(`http://localhost:${port}/`);
  await loads.showed('version 1');
  project.save('app.mjs', app({ port, version: 2, head }));
  await loads.showed('version 2');
  project.save('app.mjs', app({ port, version: 3, head, code: FAILS }));
  await page.getByRole('alertdialog').waitFor();
  assert.deepEqual(page.wrong, []);
});

for (const [protocol, secure] of [
  ['http/1.1', 'https.createServer'],
  ['h2', 'http2.createSecureServer'],
]) {
  test(`pages over HTTPS: ${protocol}`, { skip }, async (t) => {
    const { port, save } = await start(t, { secure });
    const page = await openPage(t, { ignoreHTTPSErrors: true });
    const loads = await watchLoads(page);
    await page.goto(`https://127.0.0.1:${port}/`);
    await loads.showed('version 1');
    const spoken = await page.evaluate(() => performance.getEntriesByType('navigation')[0].nextHopProtocol);
    assert.equal(spoken, protocol);
    save(2);
    await loads.showed('version 2');
    assert.deepEqual(loads.shown, ['version 1', 'version 2']);
  });
}

test('a page of the web learns nothing from the script', { skip }, async (t) => {
  const { ui } = await start(t, { args: [] });
  const stranger = http.createServer((request, response) => {
    if (request.url === '/favicon.ico') return response.writeHead(204).end();
    return response.setHeader('content-type', 'text/html').end('<h1>stranger</h1>');
  });
  stranger.listen(0, '127.0.0.1');
  await once(stranger, 'listening');
  t.after(() => stranger.close().closeAllConnections());
  const page = await openPage(t);
  // As if its name were resolved to this machine.
  await page.route('http://stranger.test/**', async (route) => {
    await route.fulfill({ body: '<h1>stranger</h1>', contentType: 'text/html' });
  });
  await page.goto('http://stranger.test/');
  const outcome = await page.evaluate(async (port) => {
    const source = new EventSource(`http://127.0.0.1:${port}/reload`);
    return await new Promise((resolve) => {
      source.addEventListener('state', () => resolve('read'));
      source.addEventListener('error', () => source.readyState === EventSource.CLOSED && resolve('refused'));
    });
  }, ui);
  assert.equal(outcome, 'refused');
});
