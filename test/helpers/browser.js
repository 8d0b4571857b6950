import { existsSync } from 'node:fs';
import { after } from 'node:test';
import { chromium } from 'playwright-core';

const CHROMIUM = process.env.CHROMIUM ?? '/usr/bin/chromium';

/** Why tests in a browser can't run here; false: they can. */
export const noBrowser = existsSync(CHROMIUM)
  ? false
  : `there is no ${CHROMIUM}; install Debian's package chromium, or name one by CHROMIUM=`;

let launching;
after(async () => (await launching)?.close());

/**
 * A page of a browser that all tests of the file share. `wrong`: what it complains of. `options` of a context.
 */
export async function openPage(t, options) {
  // Root has no sandbox.
  const args = process.getuid?.() === 0 ? ['--no-sandbox'] : [];
  launching ??= chromium.launch({ executablePath: CHROMIUM, args });
  const context = await (await launching).newContext({ viewport: { width: 1280, height: 800 }, ...options });
  t.after(() => context.close());
  const page = await context.newPage();
  page.setDefaultTimeout(20_000);
  const wrong = [];
  page.on('pageerror', (error) => wrong.push(String(error)));
  page.on('console', (message) => message.type() === 'error' && wrong.push(message.text()));
  return Object.assign(page, { wrong });
}

/** Notes the heading of each page that has been loaded, in their order. */
export async function watchLoads(page) {
  const shown = [];
  const waiters = [];
  await page.exposeFunction('noteHeading', (text) => {
    shown.push(text);
    for (const waiter of waiters.splice(0)) waiter();
  });
  await page.addInitScript(() => {
    const note = () => globalThis.noteHeading(document.querySelector('h1')?.textContent);
    document.addEventListener('DOMContentLoaded', note);
  });
  return {
    shown,
    /** Resolves when the page has shown that. */
    async showed(text) {
      while (!shown.includes(text)) await new Promise((resolve) => waiters.push(resolve));
    },
  };
}
