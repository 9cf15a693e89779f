// Rate limits, idempotency keys and roles through the binding.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { NOW_US, failure, onStores } from './support.mjs';
import {
  IdempotencyReason, Operation, Outcome, RateAlgorithm, RateCalendar, RateChange, RateReason,
  RateRule, RateScope, RateSource, Role, RoleReason, operationName, roleAllows, roleName,
} from '../lib/index.mjs';

const USER = [{ limit: 'user', subject: 'u42' }];
const ADDRESS = { limit: 'ip', subject: '2001:db8::1' };

function limited(name, work) {
  onStores(name, async (store, site) => {
    await store.service.rate.define([
      { name: 'user', count: 2, periodUs: 60_000_000n, scope: RateScope.USER },
      { name: 'ip', count: 8n, periodUs: 60_000_000, scope: RateScope.ADDRESS },
      { name: 'all', count: 100, periodUs: 1_000_000, scope: RateScope.GLOBAL }]);
    await work(store, site);
  });
}

limited('a take within the limit is allowed and says what is left', async (store) => {
  const verdict = await store.rate.take(USER);

  assert.equal(verdict.allowed, true);
  assert.deepEqual(verdict.states, [{
    allowed: true, isNever: false, isShadow: false, burst: 2n, remaining: 1n, retryAfterUs: 0n,
    resetAfterUs: 30_000_000n, refillUs: 60_000_000n,
    rule: RateRule.LIMIT, source: RateSource.STORE }]);
  assert.match(verdict.token, /^[0-9a-f-]{14}7[0-9a-f-]{21}$/);
  assert.deepEqual(verdict.headers,
    { 'RateLimit-Policy': '"user";q=2;w=60', RateLimit: '"user";r=1;t=30' });
  assert.deepEqual([verdict.retryAfterMs, verdict.problem], [0, null]);
});

limited('a take over the limit is refused and says how long to wait', async (store) => {
  await store.rate.take([{ ...USER[0], cost: 2 }]);

  const verdict = await store.rate.take([ADDRESS, ...USER]);

  assert.equal(verdict.allowed, false);
  assert.deepEqual([verdict.decidedIndex, verdict.token, verdict.retryAfterMs], [1, null, 30_000]);
  assert.equal(verdict.headers['Retry-After'], '30');
  assert.deepEqual(verdict.legacyHeaders, {
    'X-RateLimit-Limit': '2', 'X-RateLimit-Remaining': '0', 'X-RateLimit-Reset': '30',
    'Retry-After': '30' });
  assert.deepEqual(verdict.problem['violated-policies'], ['user']);
  assert.equal((await store.rate.peek([ADDRESS])).states[0].remaining, 8n);
});

limited('a cost above the burst is never allowed', async (store) => {
  const verdict = await store.rate.take([{ ...USER[0], cost: 3n }]);

  assert.equal(verdict.isNever, true);
  assert.deepEqual([verdict.retryAfterUs, verdict.retryAfterMs], [-1n, Infinity]);
});

limited('what is leased and not used is given back', async (store) => {
  const leased = [{ limit: 'leased', subject: 'u42' }];
  await store.service.rate.define([
    { name: 'leased', count: 10, periodUs: 86_400_000_000n, leaseCount: 4 }]);
  const sources = [];
  for (let i = 0; i < 2; i += 1) sources.push((await store.rate.take(leased)).states[0].source);
  assert.deepEqual(sources, [RateSource.STORE, RateSource.LEASE]);
  assert.equal((await store.rate.peek(leased)).states[0].remaining, 6n);

  await store.rate.settle();

  assert.equal((await store.rate.peek(leased)).states[0].remaining, 8n);
});

limited('a refusal is remembered', async (store) => {
  const once = [{ limit: 'once', subject: 'u42' }];
  await store.service.rate.define([
    { name: 'once', count: 1, periodUs: 60_000_000n, deniedUs: 60_000_000n }]);
  await store.rate.take(once);
  await store.rate.take(once);

  const verdict = await store.rate.take([...once, ADDRESS]);

  assert.deepEqual([verdict.allowed, verdict.retryAfterMs, verdict.isDegraded],
    [false, 60_000, false]);
  assert.deepEqual(verdict.states.map((state) => [state.source, state.remaining]),
    [[RateSource.DENIAL, 0n], [RateSource.DENIAL, -1n]]);
  assert.ok(!verdict.headers.RateLimit.includes('ip'));
});

limited('a global limit needs no subject', async (store) => {
  await store.rate.take([{ limit: 'all' }]);
  await store.rate.take([{ limit: 'all', subject: null }]);

  assert.equal((await store.rate.peek([{ limit: 'all' }])).states[0].remaining, 98n);
});

limited('a refund gives back once, by the decision or by its token', async (store) => {
  const verdict = await store.rate.take([...USER, ADDRESS]);

  await store.rate.refund(verdict);
  await store.rate.refund(verdict.token, [...USER, ADDRESS]);

  const { states } = await store.rate.peek([...USER, ADDRESS]);
  assert.deepEqual(states.map((state) => state.remaining), [2n, 8n]);
  await assert.rejects(store.rate.refund(await store.rate.peek(USER)),
    failure('FARM_EINVAL', RateReason.NOT_REFUNDABLE));
  await assert.rejects(store.rate.refund('no id', USER), failure('FARM_EINVAL'));
});

limited('limits are reset, removed and defined by the service alone', async (store) => {
  await store.rate.take([{ ...USER[0], cost: 2 }]);
  await store.service.rate.reset(USER);
  assert.equal((await store.rate.peek(USER)).states[0].remaining, 2n);
  await store.service.rate.remove('user');

  await assert.rejects(store.rate.take(USER),
    failure('FARM_ENOTFOUND', RateReason.UNKNOWN_LIMIT));
  await assert.rejects(store.service.rate.define([]), failure('FARM_EINVAL'));
  await assert.rejects(store.rate.define([{ name: 'x', count: 1, periodUs: 1 }]),
    failure('FARM_EDENIED'));
  await assert.rejects(store.as('u42').rate.remove('ip'), failure('FARM_EDENIED'));
  await assert.rejects(store.rate.reset([ADDRESS]), failure('FARM_EDENIED'));
});

limited('time gives tokens back', async (store) => {
  await store.rate.take([{ ...USER[0], cost: 2 }]);

  store.freezeClock(NOW_US + 30_000_000n);

  assert.equal((await store.rate.take(USER)).allowed, true);
  assert.equal((await store.rate.take(USER)).allowed, false);
});

limited('a daily quota ends with the day of its zone', async (store) => {
  const day = { name: 'day', count: 3, algorithm: RateAlgorithm.WINDOW,
    calendar: RateCalendar.DAY, zone: 'Asia/Kolkata' };
  await store.service.rate.define([day]);
  const one = [{ limit: 'day', subject: 'u42' }];
  await store.rate.take([{ ...one[0], cost: 3 }]);

  const { allowed, retryAfterUs } = await store.rate.take(one);

  assert.deepEqual([allowed, retryAfterUs], [false, 37_800_000_000n]);
  store.freezeClock(NOW_US + retryAfterUs);
  assert.equal((await store.rate.take(one)).allowed, true);
  await assert.rejects(store.service.rate.define([{ ...day, zone: 'Europe/Nowhere' }]),
    failure('FARM_EINVAL', RateReason.BAD_ZONE));
});

limited('holds are renewed and released', async (store) => {
  await store.service.rate.define([{ name: 'jobs', count: 1, periodUs: 10_000_000,
    algorithm: RateAlgorithm.CONCURRENCY }]);
  const job = { limit: 'jobs', subject: 'u42' };
  const held = await store.rate.take([job, ...USER]);
  store.freezeClock(NOW_US + 9_000_000n);
  await store.rate.renew(held);
  store.freezeClock(NOW_US + 18_000_000n);
  assert.equal((await store.rate.take([job])).allowed, false);

  await store.rate.release(held.token, [job]);
  store.sync.rate.release(held);

  assert.equal((await store.rate.take([job])).allowed, true);
  await assert.rejects(store.rate.renew(held), failure('FARM_ECONFLICT', RateReason.NOT_HELD));
});

limited('overrides, bans and exemptions hold until they end or are removed', async (store) => {
  await store.service.rate.override([
    { limit: 'user', subject: 'vip', rule: RateRule.OVERRIDE, count: 9n },
    { limit: 'user', subject: 'eve', rule: RateRule.BAN, expiresUs: NOW_US + 1_000_000n },
    { limit: 'ip', subject: '2001:db8::/32', rule: RateRule.EXEMPT }]);

  const vip = await store.rate.take([{ limit: 'user', subject: 'vip/phone', cost: 9 }]);
  const eve = await store.rate.take([{ limit: 'user', subject: 'eve' }]);
  const free = await store.rate.take([{ ...ADDRESS, cost: 1000 }]);

  assert.deepEqual([vip.allowed, vip.states[0].rule, vip.states[0].burst],
    [true, RateRule.OVERRIDE, 9n]);
  assert.deepEqual([eve.allowed, eve.states[0].rule, eve.retryAfterMs],
    [false, RateRule.BAN, 1000]);
  assert.deepEqual([free.allowed, free.states[0].rule], [true, RateRule.EXEMPT]);
  await store.service.rate.removeOverride('user', 'vip');
  assert.equal((await store.rate.peek([{ limit: 'user', subject: 'vip' }])).states[0].burst, 2n);
  await assert.rejects(store.rate.removeOverride('user', 'eve'), failure('FARM_EDENIED'));
  await assert.rejects(store.rate.override([]), failure('FARM_EDENIED'));
  await assert.rejects(
    store.service.rate.override([{ limit: 'none', subject: 'x', rule: RateRule.BAN }]),
    failure('FARM_ENOTFOUND', RateReason.UNKNOWN_LIMIT));
});

limited('shadow mode, forced takes and changes', async (store) => {
  await store.service.rate.define([{ name: 'trial', count: 1, periodUs: 60_000_000,
    isShadow: true }]);
  const trial = [{ limit: 'trial', subject: 'u42' }];
  await store.rate.take(trial);
  const shadowed = await store.rate.take(trial);
  assert.deepEqual([shadowed.allowed, shadowed.isShadowed, shadowed.token], [true, true, null]);

  await store.rate.take([{ ...USER[0], cost: 2 }]);
  const forced = await store.rate.take([{ ...USER[0], cost: 2, flags: 1 }]);
  assert.equal(forced.allowed, true);
  assert.equal((await store.rate.take(USER)).retryAfterMs, 90_000);
  await store.rate.refund(forced);
  assert.equal((await store.rate.take(USER)).retryAfterMs, 30_000);
  await store.service.rate.setShadow(true);
  assert.equal((await store.rate.take(USER)).isShadowed, true);
  await store.service.rate.setShadow(false);
  assert.equal((await store.rate.take(USER)).allowed, false);

  await store.rate.take([{ ...ADDRESS, cost: 4 }]);
  await store.service.rate.define([{ name: 'ip', count: 16, periodUs: 3_600_000_000n,
    scope: RateScope.ADDRESS, onChange: RateChange.PROPORTIONAL }]);
  assert.equal((await store.rate.peek([ADDRESS])).states[0].remaining, 8n);
});

limited('a refund of all passes over what cost nothing', async (store) => {
  const verdict = await store.rate.take([{ ...USER[0], cost: 0 }, { ...ADDRESS, cost: 3n }]);

  await store.rate.refund(verdict);

  assert.equal((await store.rate.peek([ADDRESS])).states[0].remaining, 8n);
  await assert.rejects(store.rate.refund(await store.rate.take([{ ...USER[0], cost: 0 }])),
    failure('FARM_EINVAL', RateReason.NOT_REFUNDABLE));
});

limited('a renewal of all passes over what was only looked at', async (store) => {
  await store.service.rate.define(['jobs', 'mails'].map((name) => ({
    name, count: 1, periodUs: 10_000_000, algorithm: RateAlgorithm.CONCURRENCY })));
  const jobs = { limit: 'jobs', subject: 'u42' };
  const held = await store.rate.take([jobs, { limit: 'mails', subject: 'u42', cost: 0 }]);

  await store.rate.renew(held);
  await store.rate.release(held);

  assert.ok((await store.rate.take([jobs])).allowed);
});

limited('requests of a wrong form are type errors', async (store) => {
  for (const bad of [undefined, null, 5, {}, 'user', [5], [null], [{ limit: 5 }],
    [{ limit: 'user', subject: 5 }], [{ limit: 'user', subject: 'u', cost: '1' }],
    [{ limit: 'user', subject: 'u\0' }]]) {
    await assert.rejects(store.rate.take(bad), TypeError, JSON.stringify(bad));
    assert.throws(() => store.sync.rate.take(bad), TypeError, JSON.stringify(bad));
  }
  for (const cost of [2n ** 63n, 2 ** 53, 1.5, NaN]) {
    await assert.rejects(store.rate.take([{ ...USER[0], cost }]), RangeError);
  }
});

const begin = (store, key = 'k', data = Buffer.from('request'), options = {}) =>
  store.as('u42').idempotency.begin('u42', key, 'POST /orders', data, options);

onStores('the first caller executes and the next is given the answer', async (store) => {
  const first = await begin(store);
  await first.finish(201, Uint8Array.of(1, 0, 255));

  const again = await begin(store);

  assert.deepEqual([first.outcome, first.step, first.code, first.data],
    [Outcome.EXECUTE, 0, 0, null]);
  assert.deepEqual([again.outcome, again.code, [...again.data]],
    [Outcome.REPLAY, 201, [1, 0, 255]]);
  await assert.rejects(again.finish(200),
    failure('FARM_EINVAL', IdempotencyReason.NOT_CLAIMED));
});

onStores('a key in progress and another request are told apart', async (store) => {
  await begin(store, 'k', undefined, { lockUs: 5_000_000 });

  const other = await begin(store);
  const wrong = await begin(store, 'k', Buffer.from('other'));

  assert.deepEqual([other.outcome, other.retryAfterUs], [Outcome.IN_PROGRESS, 5_000_000n]);
  assert.equal(wrong.outcome, Outcome.MISMATCH);
});

onStores('whoever claims after a crash goes on from the last step', async (store) => {
  const first = await begin(store, 'k', undefined, { lockUs: 1_000_000n });
  await first.advance(2, Buffer.from('paid'));
  await assert.rejects(first.advance(1), failure('FARM_EINVAL', IdempotencyReason.STEP_BACK));
  store.freezeClock(NOW_US + 2_000_000n);

  const second = await begin(store);

  assert.deepEqual([first.step, second.outcome, second.step, second.data.toString()],
    [2, Outcome.EXECUTE, 2, 'paid']);
  await assert.rejects(first.finish(200), failure('FARM_ECONFLICT', IdempotencyReason.LOST));
  await second.release();
  assert.equal((await begin(store)).outcome, Outcome.EXECUTE);
});

onStores('data is a Uint8Array of up to a mebibyte', async (store) => {
  const bytes = new Uint8Array([9, 1, 2, 9]).subarray(1, 3);
  await (await begin(store, 'part', bytes)).finish(200, bytes);

  assert.deepEqual([...(await begin(store, 'part', Uint8Array.of(1, 2))).data], [1, 2]);
  for (const bad of ['text', null, 5, [1], new Float64Array(1), new DataView(new ArrayBuffer(1))]) {
    await assert.rejects(begin(store, 'k', bad), TypeError);
  }
  await assert.rejects(begin(store, 'k', new Uint8Array(2 ** 20 + 1)),
    failure('FARM_EINVAL', IdempotencyReason.TOO_LARGE));
  await assert.rejects(store.idempotency.begin('u42', 'k', 'op'), failure('FARM_EDENIED'));
});

onStores('roles are granted, checked, listed and revoked', async (store) => {
  const anna = store.as('anna').roles;
  await store.service.roles.found('shop', 'anna');
  await anna.grant('shop', 'ben', Role.MEMBER, NOW_US + 60_000_000n);
  await anna.grant('shop', 'Świętopełk 🛒', Role.VIEWER);

  const ben = store.as('ben').roles;
  await ben.check('shop', Operation.WRITE);
  await assert.rejects(ben.check('shop', Operation.PAY),
    failure('FARM_EDENIED', RoleReason.NOT_ALLOWED));
  await assert.rejects(store.as('zoe').roles.check('shop', Operation.READ),
    failure('FARM_EDENIED', RoleReason.NO_ROLE));
  const paged = [];
  for await (const row of anna.list('shop', { capacity: 2 })) paged.push(row);
  assert.deepEqual(paged, [...store.as('anna').sync.roles.list('shop')]);
  assert.deepEqual(paged.map((row) => [row.subject, row.role, row.expiresUs, row.grantedBy]), [
    ['anna', Role.OWNER, 0n, ''], ['ben', Role.MEMBER, NOW_US + 60_000_000n, 'anna'],
    ['Świętopełk 🛒', Role.VIEWER, 0n, 'anna']]);
  assert.equal(paged[0].grantedUs, NOW_US);

  const question = { entity: 'shop', operation: Operation.READ };
  assert.deepEqual(await ben.checkMany([question, { entity: 'pub', operation: 1 }]), [true, false]);
  await anna.revoke('shop', 'ben', Role.MEMBER);
  assert.deepEqual(await ben.checkMany([question]), [false]);
  await assert.rejects(anna.revoke('shop', 'anna', Role.OWNER),
    failure('FARM_EREFUSED', RoleReason.LAST_OWNER));
  await assert.rejects(store.service.roles.found('shop', 'ben'), failure('FARM_EEXISTS'));
  await assert.rejects(store.service.roles.grant('pub', 'ben', Role.MEMBER),
    failure('FARM_ENOTFOUND'));
  await assert.rejects(anna.grant('shop', 'ben', 2 ** 31), RangeError);
});

test('the table of roles needs no store', () => {
  assert.deepEqual([roleAllows(Role.OWNER, Operation.CLOSE), roleAllows(Role.MEMBER, 8)],
    [true, false]);
  assert.deepEqual([roleName(Role.MANAGER), operationName(Operation.EXPORT)],
    ['manager', 'export']);
});
