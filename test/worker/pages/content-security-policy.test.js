import assert from 'node:assert/strict';
import { test } from 'node:test';
import { allowOrigin, nonceOf } from '../../../dist/worker/pages/content-security-policy.js';

const ORIGIN = 'http://127.0.0.1:4242';

const CASES = {
  "script-src 'self'": `script-src 'self' ${ORIGIN}`,
  "Script-Src 'self'; img-src *": `Script-Src 'self' ${ORIGIN}; img-src *`,
  "script-src 'none'": `script-src ${ORIGIN}`,
  "script-src 'self'; script-src-elem 'self'; connect-src api.test": `script-src 'self'; script-src-elem 'self' ${ORIGIN}; connect-src api.test ${ORIGIN}`,
  "default-src 'self'": `default-src 'self'; script-src 'self' ${ORIGIN}; connect-src 'self' ${ORIGIN}`,
  "default-src 'none'; connect-src 'self';": `default-src 'none'; connect-src 'self' ${ORIGIN}; script-src ${ORIGIN}`,
  "style-src 'self'": "style-src 'self'",
  "script-src 'self'; script-src *": `script-src 'self' ${ORIGIN}; script-src *`,
  "script-src 'self', connect-src 'none'": `script-src 'self' ${ORIGIN},connect-src ${ORIGIN}`,
  '': '',
};

for (const [policy, expected] of Object.entries(CASES)) {
  test(`one more origin: ${policy || 'nothing'}`, () => {
    assert.equal(allowOrigin(policy, ORIGIN), expected);
  });
}

test('the nonce that a script needs', () => {
  assert.equal(nonceOf("script-src 'strict-dynamic' 'nonce-r4nd+/=_-'; style-src 'nonce-other'"), 'r4nd+/=_-');
  assert.equal(nonceOf("default-src 'self', script-src-elem 'nonce-a'"), 'a');
  assert.equal(nonceOf(`script-src 'nonce-"><b>'`), undefined);
  assert.equal(nonceOf("style-src 'nonce-a'"), undefined);
});
