import assert from 'node:assert/strict';
import { test } from 'node:test';
import { WaitingConnections } from '../../dist/primary/waiting-connections.js';

const [listener, other] = [{}, {}];
const connection = (name, from = listener) => ({ handle: name, listener: from, isIdle: false });
const all = () => true;

function waiting() {
  const queue = new WaitingConnections();
  for (const name of ['back 1', 'back 2']) queue.add(connection(name), { isHandedBack: true });
  queue.add(connection('other', other), { isHandedBack: false });
  for (const name of ['new 1', 'new 2']) queue.add(connection(name), { isHandedBack: false });
  return queue;
}

test('connections that were accepted and those that were handed back take turns, each kind in its order', () => {
  const queue = waiting();
  const order = Array.from({ length: 6 }, () => queue.take(all)?.handle);
  assert.deepEqual(order, ['other', 'back 1', 'new 1', 'back 2', 'new 2', undefined]);
});

test('a listener that is not served holds up no other', () => {
  const queue = waiting();
  const isServed = (one) => one === listener;
  const order = Array.from({ length: 5 }, () => queue.take(isServed)?.handle);
  assert.deepEqual(order, ['new 1', 'back 1', 'new 2', 'back 2', undefined]);
  assert.equal(queue.take(all).handle, 'other');
});

test('only clients count for the limit and the report', () => {
  const queue = waiting();
  assert.equal(queue.accepted, 3);
  assert.equal(queue.since((one) => one === listener).length, 2);
});

test('what is taken out for good is of both kinds', () => {
  const queue = waiting();
  const taken = queue.takeAll((one) => one.listener === listener);
  assert.deepEqual(
    taken.map(({ handle }) => handle),
    ['new 1', 'new 2', 'back 1', 'back 2'],
  );
  assert.equal(queue.take(all).handle, 'other');
  assert.equal(queue.oldest(), undefined);
});
