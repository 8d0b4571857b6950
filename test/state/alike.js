import assert from 'node:assert/strict';

/**
 * Asserts that two values are alike in everything that is to be carried: values, classes, order, and which objects
 * are the same one. (deepStrictEqual looks at neither the order nor the sameness, and finds invalid dates unequal.)
 */
export function assertAlike(actual, expected, path = 'value', pairs = new Map(), taken = new Set()) {
  if (typeof expected !== 'object' || expected === null) {
    assert.ok(Object.is(actual, expected), `${path}: ${String(actual)} is not ${String(expected)}`);
    return;
  }
  if (pairs.has(expected)) {
    assert.equal(actual, pairs.get(expected), `${path} is another object`);
    return;
  }
  assert.equal(taken.has(actual), false, `${path} is an object that has been met elsewhere`);
  pairs.set(expected, actual);
  taken.add(actual);
  assert.equal(typeof actual, 'object', path);
  assert.equal(Object.getPrototypeOf(actual), Object.getPrototypeOf(expected), `${path}: prototype`);
  const goOn = (a, b, step) => assertAlike(a, b, path + step, pairs, taken);
  const bytes = bytesOf(expected);
  if (bytes) {
    assert.deepEqual(bytesOf(actual), bytes, path);
    return;
  }
  if (expected instanceof Date) goOn(actual.getTime(), expected.getTime(), '.getTime()');
  if (expected instanceof RegExp || expected instanceof URL) goOn(String(actual), String(expected), '.toString()');
  if (expected instanceof Map || expected instanceof Set) {
    goOn(actual.size, expected.size, '.size');
    const items = [...actual];
    for (const [index, item] of [...expected].entries()) goOn(items[index], item, `.entries()[${index}]`);
  }
  const names = Object.getOwnPropertyNames(expected);
  assert.deepEqual(Object.getOwnPropertyNames(actual).sort(), [...names].sort(), `${path}: properties`);
  for (const name of names) goOn(actual[name], expected[name], `[${JSON.stringify(name)}]`);
}

function bytesOf(value) {
  if (value instanceof ArrayBuffer) return Buffer.from(value).toString('hex');
  if (ArrayBuffer.isView(value)) return Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString('hex');
  return undefined;
}
