// Amounts of money through the binding.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { failure } from './support.mjs';
import { money } from '../lib/index.mjs';

test('texts become amounts and back', () => {
  assert.equal(money.parse('12.5', 2), 1250n);
  assert.equal(money.text(-5n, 2), '-0.05');
  assert.equal(money.text(-(2n ** 63n), 18), '-9.223372036854775808');
  for (const text of ['', '1.005', '1e3', '1,5', '+1'])
    assert.throws(() => money.parse(text, 2), failure('FARM_EINVAL'));
});

test('a split loses nothing', () => {
  assert.deepEqual(money.split(100n, [1, 1n, 1]), [34n, 33n, 33n]);
  assert.deepEqual(money.split(-100, [1, 1, 1]), [-34n, -33n, -33n]);
  assert.throws(() => money.split(1, [0]), failure('FARM_EINVAL'));
});

test('currencies have their places', () => {
  assert.deepEqual(['EUR', 'JPY', 'BHD', 'XAU'].map(money.scaleOf), [2, 0, 3, null]);
});
