// Rate limits in the process.
import assert from 'node:assert/strict';
import test from 'node:test';
import { FarmError, RateAlgorithm, RateLocal, RateReason, RateRule, Store } from '../lib/index.mjs';

const NOW_US = 1767225600000000n;
const ann = [{ limit: 'user', subject: 'ann' }];

function make(t, options) {
  const local = new RateLocal([{ name: 'user', count: 2, periodUs: 60_000_000 }], options);
  local.freezeClock(NOW_US);
  t.after(() => local.close());
  return local;
}

test('takes are counted and said over HTTP', (t) => {
  const local = make(t, { buckets: 64 });

  const decisions = [1, 2, 3].map(() => local.take(ann));

  assert.deepEqual(decisions.map(({ allowed }) => allowed), [true, true, false]);
  assert.equal(decisions[2].retryAfterMs, 30_000);
  assert.equal(decisions[2].headers['Retry-After'], '30');
  assert.deepEqual(decisions[2].problem['violated-policies'], ['user']);
  assert.equal(decisions[0].problem, null);
  local.freezeClock(NOW_US + 30_000_000n);
  assert.deepEqual([local.allows(ann), local.allows(ann)], [true, false]);
});

test('what was taken is given back once, and a reset fills', (t) => {
  const local = make(t);
  const decision = local.take([{ ...ann[0], cost: 2 }]);

  local.refund(decision);
  local.take(ann);
  local.refund(decision);

  assert.equal(local.peek(ann).states[0].remaining, 1n);
  local.reset(ann);
  assert.equal(local.peek(ann).states[0].remaining, 2n);
});

test('holds are released and renewed', (t) => {
  const local = make(t);
  local.define([{ name: 'slots', count: 1, periodUs: 60_000_000,
    algorithm: RateAlgorithm.CONCURRENCY }]);
  const slots = [{ limit: 'slots', subject: 'ann' }];
  const decision = local.take(slots);

  assert.equal(local.allows(slots), false);
  local.renew(decision);
  local.release(decision);
  assert.equal(local.peek(slots).allowed, true);
  assert.throws(() => local.renew(decision),
    (error) => error instanceof FarmError && error.reason === RateReason.NOT_HELD);
});

test('overrides and limits come and go', (t) => {
  const local = make(t);
  local.override([{ limit: 'user', subject: 'ann', rule: RateRule.BAN }]);
  assert.equal(local.allows(ann), false);
  local.removeOverride('user', 'ann');
  assert.equal(local.allows(ann), true);
  local.remove('user');
  assert.throws(() => local.take(ann),
    { code: 'FARM_ENOTFOUND', reason: RateReason.UNKNOWN_LIMIT });
});

test('the limits of a store are taken over', async (t) => {
  const local = make(t);
  const store = await Store.open('sqlite::memory:');
  t.after(() => store.close());
  await store.service.migrate();
  await store.service.rate.define([{ name: 'api', count: 3, periodUs: 60_000_000 }]);

  await local.load(store.service);

  const api = [{ limit: 'api', subject: 'ann', cost: 3 }];
  assert.deepEqual([local.allows(api), local.allows(api)], [true, false]);
  assert.throws(() => local.define([{ name: 'user', count: 2, periodUs: 60_000_000 }]), FarmError);
});

test('a closed one and wrong arguments are refused', (t) => {
  const local = make(t);
  assert.throws(() => new RateLocal([], { buckets: 1 }), FarmError);
  assert.throws(() => local.take([{ limit: 'user', subject: 5 }]), TypeError);
  local.close();
  local.close();
  assert.throws(() => local.take(ann));
});
