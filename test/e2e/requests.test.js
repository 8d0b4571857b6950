import assert from 'node:assert/strict';
import { test } from 'node:test';
import { request } from '../helpers/clients.js';
import { gatedRestart, VARIANTS } from '../helpers/gated.js';
import { RawClient } from '../helpers/raw-client.js';

const get = (id, more = '') => `GET /?id=${id} HTTP/1.1\r\nHost: app\r\n${more}\r\n`;
const post = (id, body = 'x', more = '') =>
  `POST /?id=${id} HTTP/1.1\r\nHost: app\r\n${more}Content-Length: ${body.length}\r\n\r\n${body}`;

const STEPS = ['before', 'load', 'pause', 'after'];

/** All ids are in the kept state, once. */
async function countedOnce({ port }, ids, { keeps }) {
  if (!keeps) return;
  const { body } = await request(port, { path: '/state' });
  assert.deepEqual(JSON.parse(body).toSorted(), ids.toSorted(), 'none was counted in a state that is lost');
}

/** Goes through a restart, and calls what is to happen in each of its steps. */
async function stepThrough(restart, steps) {
  await steps.before?.();
  await restart.save();
  await steps.load?.();
  await restart.toPause();
  await steps.pause?.();
  await restart.commit();
  await steps.after?.();
}

for (const [name, variant] of Object.entries(VARIANTS)) {
  test(`${name}: a request head that is sent in two parts, split at each byte, is answered once`, async (t) => {
    const restart = await gatedRestart(t, variant);
    const { port, restarter } = restart;
    const clients = [];
    const steps = Object.fromEntries(STEPS.map((step) => [step, []]));
    for (const [from, first] of STEPS.slice(0, -1).entries()) {
      for (const second of STEPS.slice(from + 1)) {
        // There the old generation waits for the rest of what it has begun to read, before the new one loads.
        if (variant.options?.overlap === false && first === 'before' && second !== 'load') continue;
        const length = post('0-0-00').indexOf('\r\n\r\n') + 4;
        for (let at = 1; at < length; at++) {
          const id = `${first}-${second}-${String(at).padStart(2, '0')}`;
          const text = post(id);
          // Each byte of the last part of the head is cut at, since the first part is longer by its name.
          const cut = Math.max(1, at + text.length - post('0-0-00').length);
          const client = await RawClient.connect(t, port);
          clients.push({ client, id });
          steps[first].push(() => client.write(text.slice(0, cut)));
          steps[second].push(() => client.write(text.slice(cut)));
        }
      }
    }
    const run = (step) => () => Promise.all(steps[step].map((write) => write()));
    await stepThrough(restart, Object.fromEntries(STEPS.map((step) => [step, run(step)])));
    for (const { client, id } of clients) assert.match((await client.answered(1))[0], new RegExp(`^v[12] ${id};$`));
    await restarter.event('drained', ({ generation }) => generation === 1);
    for (const { client, id } of clients) await client.write(get(`${id}-again`));
    for (const { client, id } of clients) assert.equal((await client.answered(2))[1], `v2 ${id}-again;`);
    const ids = clients.map(({ id }) => id);
    await restart.begunOnce([...ids, ...ids.map((id) => `${id}-again`)]);
    await countedOnce(restart, ids, variant);
    assert.deepEqual(restarter.all('warning'), []);
  });

  test(`${name}: a burst of pipelined requests, cut anywhere, is answered in order, each once`, async (t) => {
    const restart = await gatedRestart(t, variant);
    const clients = await Promise.all(Array.from({ length: 12 }, () => RawClient.connect(t, restart.port)));
    const bursts = clients.map((client, index) => {
      const ids = Array.from({ length: 20 }, (_, at) => `${index}-${at}`);
      const text = ids.map((id) => post(id, 'body')).join('');
      return { client, ids, text, cut: Math.floor(((index + 0.5) / clients.length) * text.length) };
    });
    const overlaps = variant.options?.overlap !== false;
    const [first, second] = [bursts.slice(0, 6), bursts.slice(6)];
    const begin = (some) => Promise.all(some.map(({ client, text, cut }) => client.write(text.slice(0, cut))));
    const finish = (some) => Promise.all(some.map(({ client, text, cut }) => client.write(text.slice(cut))));
    await stepThrough(restart, {
      before: () => begin(first),
      load: () => Promise.all([begin(second), finish(first.slice(0, 3)), !overlaps && finish(first.slice(3))]),
      pause: () => overlaps && finish(first.slice(3)),
      after: () => finish(second),
    });
    for (const { client, ids } of bursts) {
      const answers = await client.answered(20);
      assert.deepEqual(
        answers.map((answer) => /(\S+);/.exec(answer)[1]),
        ids,
      );
      const versions = answers.map((answer) => answer[1]);
      assert.deepEqual(versions, versions.toSorted(), 'none by the old generation after one by the new');
    }
    const all = bursts.flatMap(({ ids }) => ids);
    await restart.begunOnce(all);
    await countedOnce(restart, all, variant);
  });

  test(`${name}: what is sent behind a slow request is answered after it, in the pause by the new generation`, async (t) => {
    const restart = await gatedRestart(t, { ...variant, options: { ...variant.options, quiesceTimeout: '200ms' } });
    const { port, project, restarter } = restart;
    const client = await RawClient.connect(t, port);
    await stepThrough(restart, {
      before: async () => {
        await client.write(get('slow&until=done'));
        await restarter.printed(/begun slow/);
      },
      // Without overlap the new generation loads only when the slow request has been answered.
      ...(variant.options?.overlap === false
        ? { load: () => client.write(post('late', 'body')).then(() => project.write({ done: '' })) }
        : { pause: () => client.write(post('late', 'body')), after: () => project.write({ done: '' }) }),
    });
    await client.answered(2);
    // Without state there is no pause: it is for whichever generation has it to read.
    assert.match(client.answers.join(' '), variant.keeps ? /^v1 slow; v2 late;$/ : /^v1 slow; v[12] late;$/);
    // By then the old generation knows that it has been replaced.
    await restarter.event('receipt', ({ generation }) => generation === 2);
    await client.write(get('last'));
    assert.equal((await client.answered(3))[2], 'v2 last;');
    await restart.begunOnce(['slow', 'late', 'last']);
  });
}
