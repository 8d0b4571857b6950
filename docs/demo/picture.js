// Takes the picture of the page of the restarts in docs/in-the-browser.md: node docs/demo/picture.js
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { chromium } from 'playwright-core';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const PICTURE = path.join(ROOT, 'docs/images/in-the-browser.png');
const PORT = 4271;

const pages = (title, extra = '') => `export const title = ${JSON.stringify(title)};\n${extra}`;
const BROKEN = `function connect(config) {
  return config.database.url;
}
connect({});
`;
const SERVER = `import http from 'node:http';
import { keep } from 'handover';
import { title } from './pages.js';
const sessions = keep('sessions', () => new Map());
const visits = keep('visits', () => ({ count: 0 }));
http.createServer((request, response) => {
  sessions.set('user ' + (visits.count % 300), { visits: ++visits.count, at: new Date() });
  response.end(title);
}).listen(${PORT}, '127.0.0.1');
`;

const folder = path.join(mkdtempSync(path.join(os.tmpdir(), 'handover-picture-')), 'shop');
const write = (name, text) => writeFileSync(path.join(folder, name), text);
mkdirSync(path.join(folder, 'node_modules'), { recursive: true });
symlinkSync(ROOT, path.join(folder, 'node_modules/handover'));
write('package.json', '{ "name": "shop", "type": "module" }');
write('server.js', SERVER);
write('pages.js', pages('one'));

const handover = spawn(process.execPath, [path.join(ROOT, 'dist/cli.js'), '--ui=0', 'server.js'], {
  cwd: folder,
  stdio: ['ignore', 'inherit', 'pipe'],
});
let told = '';
handover.stderr.setEncoding('utf8').on('data', (text) => (told += text));

/** Resolves when it has said that. */
async function said(pattern) {
  while (!pattern.test(told)) await once(handover.stderr, 'data');
  const [match] = pattern.exec(told);
  return match;
}

const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

const url = await said(/http:\/\/127\.0\.0\.1:\d+\/\?token=\S+/);
const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
  args: process.getuid?.() === 0 ? ['--no-sandbox'] : [],
});
const page = await browser.newPage({ viewport: { width: 1200, height: 690 } });
await page.goto(url);
const visitors = setInterval(
  () =>
    void fetch(`http://127.0.0.1:${PORT}/`).then(
      (answer) => answer.text(),
      () => {},
    ),
  3,
);
for (let save = 2; save <= 26; save++) {
  write('pages.js', pages(`page ${save}`, save % 11 === 9 ? BROKEN : ''));
  // As a person saves: the next standby is warm.
  await pause(700);
}
clearInterval(visitors);
await page.locator('#restarts summary').nth(1).click();
await page.evaluate(() => globalThis.scrollTo(0, 0));
await pause(2500);
await page.screenshot({ path: PICTURE });
await browser.close();
handover.kill('SIGINT');
await once(handover, 'exit');
rmSync(path.dirname(folder), { recursive: true, force: true });
