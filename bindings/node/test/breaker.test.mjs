// Circuit breakers through the binding: they need no store.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { NOW_US, failure } from './support.mjs';
import {
  BreakerCause, BreakerState, Breakers, CallOutcome, FarmError, Status, breakerStateName, outcomeOf,
} from '../lib/index.mjs';

const EXACT = { jitterPercent: -1, consecutiveCount: 3, probeCount: 1 };
const SECOND = 1_000_000n;
const down = () => { throw new Error('down'); };
const isDown = /^Error: down$/;

function open(t, options = EXACT) {
  const breakers = new Breakers(options);
  breakers.freezeClock(NOW_US);
  t.after(() => breakers.close());
  return breakers;
}

function fail(breaker, count = 3) {
  for (let i = 0; i < count; i++) assert.throws(() => breaker.call(down), isDown);
}

test('it opens, denies, probes and closes', (t) => {
  const breakers = open(t);
  const shop = breakers.get('shop');
  fail(shop);

  assert.throws(() => shop.call(() => assert.fail('it was called')), (error) => {
    assert.deepEqual([error.name, error.code, error.key, error.message],
      ['BreakerOpenError', 'FARM_BREAKER_OPEN', 'shop', "the breaker 'shop' is open"]);
    return error.retryAfterMs >= 5000 && error.retryAfterMs <= 5001;
  });
  breakers.freezeClock(NOW_US + 6n * SECOND);
  assert.equal(shop.call((permit) => {
    assert.equal(permit.state, BreakerState.HALF_OPEN);
    assert.equal(shop.allow().allowed, false);
    return 7;
  }), 7);

  assert.equal(shop.look().state, BreakerState.CLOSED);
  assert.deepEqual(breakers.events().map((event) => [event.before, event.after, event.cause]), [
    [BreakerState.CLOSED, BreakerState.OPEN, BreakerCause.CONSECUTIVE],
    [BreakerState.OPEN, BreakerState.HALF_OPEN, BreakerCause.TIME],
    [BreakerState.HALF_OPEN, BreakerState.CLOSED, BreakerCause.PROBED]]);
  assert.deepEqual(breakers.events(1).map((event) => event.atUs - NOW_US),
    [6n * SECOND, 6n * SECOND]);
});

test('promises are guarded, and an abort says nothing', async (t) => {
  const shop = open(t).get('shop');

  assert.equal(await shop.call(async () => 7), 7);
  await assert.rejects(shop.call(async () => AbortSignal.abort().throwIfAborted()),
    { name: 'AbortError' });
  assert.deepEqual([shop.look().callCount, shop.look().failureCount], [1n, 0n]);
  const results = await Promise.allSettled([1, 2, 3].map(() => shop.call(async () => down())));
  assert.deepEqual(results.map(({ reason }) => String(reason)), Array(3).fill('Error: down'));
  assert.throws(() => shop.call(async () => 7), { code: 'FARM_BREAKER_OPEN' });
});

test('what an error means is the host\'s to say', (t) => {
  const breakers = open(t);
  const shop = breakers.get('shop', {
    outcome: (error) => (error instanceof TypeError ? CallOutcome.EXCLUDED : outcomeOf(error)) });
  const raise = (error) => assert.throws(() => shop.call(() => { throw error; }), error);
  const ours = (status) => new FarmError('text', { code: '', status, reason: 0, retryable: false });
  raise(new TypeError());
  raise(new Error('down'));
  raise(ours(Status.ENOTFOUND));
  raise(ours(Status.EUNAVAILABLE));

  assert.deepEqual([shop.look().callCount, shop.look().consecutiveCount], [3n, 1n]);
});

test('an outcome that cannot be said is reported all the same', (t) => {
  const breakers = open(t);
  const shop = breakers.get('shop', { ...EXACT, outcome: down });
  shop.set(BreakerState.OPEN);
  breakers.freezeClock(NOW_US + 6n * SECOND);
  assert.throws(() => shop.call(() => { throw new TypeError(); }), isDown);

  assert.equal(shop.look().probeCount, 0n);
  assert.equal(shop.allow().allowed, true);
});

test('two steps by hand with a duration', (t) => {
  const shop = open(t).get('shop', { slowUs: 500_000, slowPercent: 100, minimumCount: 2 });
  for (const duration of [400_000n, 600_000, 2_000_000n]) {
    shop.report(shop.allow(), CallOutcome.SUCCESS, duration);
  }

  const { timedCount, slowCount, state } = shop.look();
  assert.deepEqual([timedCount, slowCount, state], [3n, 2n, BreakerState.CLOSED]);
  assert.throws(() => shop.report({ ...shop.allow(), allowed: false }, CallOutcome.SUCCESS),
    failure('FARM_EINVAL'));
  assert.throws(() => shop.report(true, CallOutcome.SUCCESS), TypeError);
});

test('a state is set by hand', (t) => {
  const shop = open(t).get('shop');
  shop.set(BreakerState.FORCED_OPEN);
  assert.deepEqual([shop.allow().allowed, shop.allow().retryAfterUs], [false, -1n]);
  assert.throws(() => shop.call(down), (error) => error.retryAfterMs === Infinity);

  shop.set(BreakerState.FORCED_CLOSED);
  fail(shop, 9);
  assert.equal(breakerStateName(shop.look().state), 'forced closed');

  shop.set(BreakerState.CLOSED);
  assert.equal(shop.allow().allowed, true);
  assert.throws(() => shop.set(BreakerState.HALF_OPEN), failure('FARM_EINVAL'));
});

test('names are defined, listed and bounded; events are lost by number', (t) => {
  const breakers = open(t, { maxCount: 2, eventCount: 1 });
  breakers.get('a', EXACT);
  breakers.get('a', EXACT);

  assert.throws(() => breakers.get('a', { probeCount: 2 }), failure('FARM_EEXISTS'));
  assert.throws(() => breakers.get('b', { openUs: -1 }), /options.open_us is not 1 ms to 1 day/);
  assert.throws(() => new Breakers({ failurePercent: 101 }), /options.failure_percent/);
  assert.throws(() => breakers.get('b').look(), failure('FARM_ENOTFOUND'));
  for (let i = 0; i < 3; i++) breakers.get('b').set(BreakerState.CLOSED);
  assert.throws(() => breakers.get('c').allow(), failure('FARM_EFULL'));
  assert.deepEqual(breakers.list().map(({ key }) => key).sort(), ['a', 'b']);
  assert.deepEqual(breakers.events().map((event) => [event.sequence, event.lostCount]),
    [[3n, 2n]]);
  breakers.close();
  breakers.close();
  assert.throws(() => breakers.get('a').allow(), /the set of breakers is closed/);
});
