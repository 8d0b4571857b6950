import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isFromLoopback, isToken, newToken } from '../../dist/ui/access.js';

test('a token is another one each time, and is told from all others', () => {
  const token = newToken();
  assert.notEqual(token, newToken());
  assert.match(token, /^[\w-]{24}$/);
  assert.ok(isToken(token, token));
  for (const given of [
    null,
    '',
    token.slice(1),
    `${token}a`,
    token.toLowerCase().toUpperCase(),
    `${token.slice(0, -1)}é`,
  ])
    assert.ok(!isToken(given, token), String(given));
});

test('a page is from this machine when no other machine can have its host', () => {
  for (const host of ['localhost', 'shop.localhost', 'a.b.localhost:3000', '127.0.0.1:3000', '127.8.9.1', '[::1]:8080'])
    for (const scheme of ['http', 'https']) assert.ok(isFromLoopback(`${scheme}://${host}`), host);
  const strangers = [
    'null',
    'http://localhost.evil.com',
    'http://evil.com',
    'http://127.0.0.1.evil.com',
    'http://1270.0.0.1',
  ];
  for (const origin of [
    undefined,
    '',
    'file://',
    'http://[::2]',
    'http://evil.com/localhost',
    'chrome-extension://localhost',
  ])
    strangers.push(origin);
  for (const origin of strangers) assert.ok(!isFromLoopback(origin), String(origin));
});
