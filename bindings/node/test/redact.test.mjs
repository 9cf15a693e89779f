// Texts and JSON without personal data, through the binding.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { RedactAction, RedactRules, redact } from '../lib/index.mjs';

test('what is found is replaced', () => {
  assert.equal(redact.text('bob@x.org, 4111 1111 1111 1111 \u00fc'), '[email], [card] \u00fc');
  assert.equal(redact.text('bob@x.org', { action: RedactAction.MASK }), '*********');
  assert.equal(redact.text('bob@x.org 1.2.3.4', { rules: RedactRules.IPV4 }), 'bob@x.org [ipv4]');
  assert.equal(redact.text('::1 '.repeat(1000)), '[ipv6] '.repeat(1000));
  assert.match(redact.text('bob@x.org', { action: RedactAction.HASH, key: Buffer.alloc(32, 1) }),
    /^\[email:[0-9a-f]{16}\]$/);
  assert.throws(() => redact.text('x', { action: RedactAction.HASH }), /key is missing/);
});

test('JSON keeps its form', () => {
  assert.equal(redact.json('{"password": [1], "a": "bob\\u0040x.org", "n": 1.50}'),
    '{"password": "[password]", "a": "[email]", "n": 1.50}');
  assert.equal(redact.json('{"a":"bob@x.org"}', { safeFields: 'a' }), '{"a":"bob@x.org"}');
  assert.throws(() => redact.json('{'), /not JSON/);
});
