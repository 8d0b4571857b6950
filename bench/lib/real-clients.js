// Clients that others have made, each asking for as long as a task lasts. They resolve with what they have noticed:
// { requests, failed, acknowledged, different, longestMs }, where `different` is how many counts have come in the answers.
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { chromium } from 'playwright-core';
import { Pool } from 'undici';
import { withProcess } from './processes.js';
import { BENCH } from './project.js';

const CONNECTIONS = 10;
/** Between two requests on a connection, in milliseconds. */
const PAUSE = 10;
const MOST_REQUESTS = 1_000_000;

const find = (name) =>
  process.env.PATH.split(path.delimiter)
    .map((dir) => path.join(dir, name))
    .find(existsSync);
const CURL = find('curl');
const WRK = find('wrk');
const CHROMIUM = find('chromium');

export const CLIENTS = [
  { name: 'curl, one process, one connection', app: 'express-5', command: CURL, ask: curl },
  { name: `undici Pool, ${CONNECTIONS} connections`, app: 'express-5', command: 'undici', ask: undici },
  { name: `wrk, ${CONNECTIONS} connections, no rest`, app: 'express-5', command: WRK, ask: wrk },
  { name: 'Chromium', app: 'page', command: CHROMIUM, ask: browse },
];

async function curl(port, task) {
  const url = `http://127.0.0.1:${port}/count?[1-${MOST_REQUESTS}]`;
  const post = ['--header', 'content-type: application/json', '--data', '{}'];
  const told = '\n%{http_code} %{exitcode} %{time_total}\n';
  const args = ['--silent', '--rate', `${1000 / PAUSE}/s`, ...post, '--write-out', told, url];
  const counts = [];
  const result = { requests: 0, failed: 0, longestMs: 0 };
  await withProcess(CURL, args, {}, ({ child }) => {
    let rest = '';
    child.stdout.on('data', (text) => {
      const lines = (rest + text).split('\n');
      rest = lines.pop();
      for (const line of lines) {
        if (line.startsWith('{')) counts.push(JSON.parse(line).count);
        else if (line !== '') noteOf(result, line);
      }
    });
    return task();
  });
  return { ...result, acknowledged: counts.length, different: new Set(counts).size };
}

/** What curl tells after each request. */
function noteOf(result, line) {
  const [status, exitCode, seconds] = line.split(' ').map(Number);
  result.requests++;
  if (status !== 200 || exitCode !== 0) result.failed++;
  result.longestMs = Math.max(result.longestMs, seconds * 1000);
}

async function undici(port, task) {
  const pool = new Pool(`http://127.0.0.1:${port}`, { connections: CONNECTIONS });
  const counts = [];
  const result = { requests: 0, failed: 0, longestMs: 0 };
  const until = { isStopped: false };
  const ask = async () => {
    while (!until.isStopped) {
      const began = performance.now();
      try {
        const headers = { 'content-type': 'application/json' };
        const { statusCode, body } = await pool.request({ path: '/count', method: 'POST', headers, body: '{}' });
        const { count } = await body.json();
        if (statusCode === 200) counts.push(count);
        else result.failed++;
      } catch {
        result.failed++;
      }
      result.requests++;
      result.longestMs = Math.max(result.longestMs, performance.now() - began);
      await delay(PAUSE);
    }
  };
  const asking = Array.from({ length: CONNECTIONS }, ask);
  try {
    await task();
  } finally {
    until.isStopped = true;
    await Promise.all(asking);
    await pool.close();
  }
  return { ...result, acknowledged: counts.length, different: new Set(counts).size };
}

/** It tells of no answer by itself: which counts came, and whether one came twice, is not known. */
function wrk(port, task) {
  const script = path.join(BENCH, 'lib', 'wrk-post.lua');
  const args = ['-t1', `-c${CONNECTIONS}`, '-d1h', '-s', script, `http://127.0.0.1:${port}/count`];
  return withProcess(WRK, args, {}, async ({ child, ended, output }) => {
    await task();
    child.kill('SIGINT');
    await Promise.all([ended, once(child.stdout, 'close')]);
    const { requests, failed, longestMs } = JSON.parse(/^\{.*\}$/m.exec(output())[0]);
    return { requests: requests + failed, failed, longestMs, acknowledged: requests, inFlight: CONNECTIONS };
  });
}

/** A page with four loops of fetch(), an EventSource and a WebSocket. Resolves with a result for each. */
async function browse(port, task) {
  const browser = await chromium.launch({ executablePath: CHROMIUM, args: ['--no-sandbox'] });
  try {
    const page = await browser.newPage();
    await page.goto(`http://127.0.0.1:${port}/page`);
    await page.evaluate(startPage, PAUSE);
    await task();
    return await page.evaluate(() => globalThis.stopPage());
  } finally {
    await browser.close();
  }
}

/** Runs in the page. */
async function startPage(pause) {
  const sleep = () => new Promise((resolve) => setTimeout(resolve, pause));
  const fetched = { name: 'fetch()', requests: 0, failed: 0, longestMs: 0, counts: [] };
  const events = { name: 'EventSource', requests: 0, failed: 0, missed: 0, repeated: 0, reconnectMs: [] };
  const socket = { name: 'WebSocket', requests: 0, unanswered: 0, failed: 0, counts: [], reconnectMs: [] };
  const until = { isStopped: false };

  async function askFor() {
    while (!until.isStopped) {
      const began = performance.now();
      fetched.requests++;
      try {
        const answer = await fetch('/count', { method: 'POST' });
        if (answer.ok) fetched.counts.push((await answer.json()).count);
        else fetched.failed++;
      } catch {
        fetched.failed++;
      }
      fetched.longestMs = Math.max(fetched.longestMs, performance.now() - began);
      await sleep();
    }
  }

  /** Calls back with the time of each reconnection. */
  function reconnections(into) {
    let endedAt;
    return {
      up: () => endedAt !== undefined && into.push(performance.now() - endedAt) && (endedAt = undefined),
      down: () => (endedAt ??= performance.now()),
    };
  }

  const source = new EventSource('/events');
  const sourceState = reconnections(events.reconnectMs);
  let last;
  source.addEventListener('open', sourceState.up);
  source.addEventListener('error', () => {
    if (source.readyState === EventSource.CLOSED) events.failed++;
    sourceState.down();
  });
  source.addEventListener('message', ({ data }) => {
    const event = Number(data);
    events.requests++;
    if (event <= last) events.repeated++;
    else if (last !== undefined) events.missed += event - last - 1;
    last = event;
  });

  const socketState = reconnections(socket.reconnectMs);
  function connect() {
    const webSocket = new WebSocket(`ws://${location.host}/`);
    let isWaiting = false;
    const send = () => {
      socket.requests++;
      isWaiting = true;
      webSocket.send('count');
    };
    webSocket.addEventListener('open', () => {
      socketState.up();
      send();
    });
    webSocket.addEventListener('message', async ({ data }) => {
      isWaiting = false;
      socket.counts.push(Number(data));
      await sleep();
      if (webSocket.readyState === WebSocket.OPEN && !until.isStopped) send();
    });
    webSocket.addEventListener('close', () => {
      if (isWaiting) socket.unanswered++;
      socketState.down();
      if (!until.isStopped) connect();
    });
  }
  connect();
  const asking = Array.from({ length: 4 }, askFor);

  globalThis.stopPage = async () => {
    until.isStopped = true;
    await Promise.all(asking);
    source.close();
    await new Promise((resolve) => setTimeout(resolve, 100));
    return [fetched, events, socket];
  };
}
