// The store as a whole: transactions, the host's own statements, sessions, closing.
import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { test } from 'node:test';
import { ENDLESS, NOW_US, failure, folder, onStores } from './support.mjs';
import { FarmError, Outcome, Store, SyncStore, version } from '../lib/index.mjs';

const require = createRequire(import.meta.url);
const native = require('../lib/native.cjs');
const { Sessions } = require('../lib/sessions.cjs');
const INSERT = 'insert into {t} (id, item) values (?1, ?2)';
const USER = [{ limit: 'user', subject: 'u42' }];
const ids = async (store, site) =>
  (await store.execute(site.sql('select id from {t} order by id'))).flat();
const define = (store) =>
  store.service.rate.define([{ name: 'user', count: 5, periodUs: 60_000_000 }]);

onStores("a transaction commits the host's row and ours together", async (store, site) => {
  await define(store);

  const answer = await store.transaction(async (tx) => {
    await tx.execute(site.sql(INSERT), [1, 'apples']);
    await tx.rate.take(USER);
    const claim = await tx.idempotency.begin('u42', 'k', 'op');
    await claim.finish(200, Buffer.from('answer'));
    return 'done';
  }, { actor: 'u42' });

  assert.equal(answer, 'done');
  assert.deepEqual(await ids(store, site), [1n]);
  assert.equal((await store.rate.peek(USER)).states[0].remaining, 4n);
  const again = await store.as('u42').idempotency.begin('u42', 'k', 'op');
  assert.deepEqual([again.outcome, again.data.toString()], [Outcome.REPLAY, 'answer']);
});

onStores("what throws takes the host's row and ours back", async (store, site) => {
  await define(store);
  const own = new Error("the application's own");

  await assert.rejects(store.transaction(async (tx) => {
    await tx.execute(site.sql(INSERT), [1, 'apples']);
    await tx.rate.take(USER);
    throw own;
  }), own);

  assert.deepEqual(await ids(store, site), []);
  assert.equal((await store.rate.peek(USER)).states[0].remaining, 5n);
});

onStores('an operation that fails undoes itself alone', async (store, site) => {
  await store.transaction(async (tx) => {
    await tx.execute(site.sql(INSERT), [1, 'apples']);
    await assert.rejects(tx.execute(site.sql(INSERT), [1, 'pears']), failure('FARM_EEXISTS'));
    await tx.execute(site.sql(INSERT), [2, 'plums']);
  });

  assert.deepEqual(await ids(store, site), [1n, 2n]);
});

onStores('calls that are not awaited run before the commit', async (store, site) => {
  await store.transaction(async (tx) => {
    for (let id = 0; id < 20; id++) tx.execute(site.sql(INSERT), [id, 'x']);
  });

  assert.equal((await ids(store, site)).length, 20);
});

onStores('a transaction acts as it was told, has its own clock, and ends', async (store) => {
  let left;
  await store.service.roles.found('shop', 'anna');

  await store.as('anna').transaction(async (tx) => {
    left = tx;
    await tx.roles.grant('shop', 'ben', 3);
    await tx.as('ben').roles.check('shop', 2);
    await tx.service.roles.found('pub', 'ben');
    await tx.roles.check('shop', 7);
    tx.freezeClock(5);
    assert.equal(await tx.nowUs(), 5n);
    tx.freezeClock(null);
    assert.notEqual(await tx.nowUs(), 5n);
    assert.throws(() => tx.transaction(() => {}), failure('FARM_EINVAL'));
    assert.throws(() => tx.sync, failure('FARM_EINVAL'));
  });
  await store.transaction((tx) => tx.roles.found('inn', 'zoe'), { service: true });

  await assert.rejects(left.execute('select 1'), failure('FARM_EINVAL'));
  assert.throws(() => left.freezeClock(5), failure('FARM_EINVAL'));
  assert.equal(await store.nowUs(), NOW_US);
  await assert.rejects(store.verify(), failure('FARM_EDENIED'));
});

onStores('a synchronous transaction is the same without promises', async (store, site) => {
  const { sync } = store;
  assert.equal(sync.transaction((tx) => tx.execute(site.sql(INSERT), [1, 'x']).length), 0);
  assert.throws(() => sync.transaction((tx) => {
    tx.execute(site.sql(INSERT), [2, 'x']);
    throw new RangeError('own');
  }), RangeError);
  assert.throws(() => sync.transaction(async () => {}), TypeError);

  assert.deepEqual(sync.execute(site.sql('select id from {t}')), [[1n]]);
});

onStores('values of the host come back as they went', async (store, site) => {
  const values = [[-(2n ** 63n), null, null], [1n, 'Świętopełk 🛒', Buffer.from([0, 255])],
    [BigInt(Number.MAX_SAFE_INTEGER), 'x'.repeat(5000), Buffer.alloc(5000, 7)],
    [2n ** 63n - 1n, '', Buffer.alloc(0)]];
  for (const row of values) {
    await store.execute(site.sql('insert into {t} values (?1, ?2, ?3)'), row);
  }

  assert.deepEqual(await store.execute(site.sql('select * from {t} order by id')), values);
  assert.deepEqual(store.sync.execute(site.sql('select * from {t} order by id')), values);
});

onStores('parameters that no store holds are turned down', async (store) => {
  for (const bad of [2n ** 63n, -(2n ** 63n) - 1n, 2 ** 53, 1.5, NaN, Infinity]) {
    await assert.rejects(store.execute('select ?1', [bad]), RangeError, String(bad));
  }
  for (const bad of [undefined, true, {}, [1], 'a\0b', new Float32Array(1), Symbol('x')]) {
    await assert.rejects(store.execute('select ?1', [bad]), TypeError, String(bad));
  }
  for (const bad of [5, null, 'select 1\0']) {
    await assert.rejects(store.execute(bad), TypeError);
  }
  await assert.rejects(store.execute('select 1', {}), TypeError);
  await assert.rejects(store.execute('selec'), failure('FARM_EINVAL'));
}, { only: ['memory'] });

onStores('texts are UTF-8 of any length without NUL', async (store) => {
  for (const size of [0, 1, 62, 63, 64, 65, 1000]) {
    for (const sign of ['x', 'é', '🛒']) {
      const text = sign.repeat(size);
      assert.deepEqual(await store.execute('select ?1', [text]), [[text]]);
      await assert.rejects(store.execute('select ?1', [`${text}\0`]), TypeError);
    }
  }
  await assert.rejects(store.as('a\0').execute('select 1'), TypeError);
  await assert.rejects(store.as('a'.repeat(256)).execute('select 1'), failure('FARM_EINVAL'));
  await assert.rejects(Store.open('sqlite::memory:\0'), TypeError);
}, { only: ['memory'] });

onStores('health, verify and maintain say how it is', async (store) => {
  const [health, checks] = [await store.health(), await store.service.verify()];

  assert.deepEqual([health.ok, health.version], [true, version]);
  assert.ok(checks.ok && checks.checks.length > 0);
  assert.deepEqual(await store.service.maintain(100), { isDone: true, removedCount: 0n });
  await assert.rejects(store.maintain(100), failure('FARM_EDENIED'));
  await assert.rejects(store.service.maintain(0n), failure('FARM_EINVAL'));
});

onStores('a store that died is not ok', async (store, site, t) => {
  const { uri, kill } = await site.mortal(t);
  const mortal = await Store.open(uri);
  const { ok, latency_ms: latencyMs, error, ...rest } = await mortal.transaction(async () => {
    await kill();
    const answer = await mortal.health();
    assert.deepEqual(Object.keys(mortal.sync.health()), Object.keys(answer));
    await assert.rejects(mortal.nowUs(), failure('FARM_EUNAVAILABLE'));
    return answer;
  });

  assert.equal(ok, false);
  assert.ok(latencyMs >= 0 && error.length > 0 && !error.includes('hush'));
  assert.deepEqual(rest, { version, backend: site.isPostgres ? 'postgresql' : 'sqlite', schema: 0,
    status: 'FARM_EUNAVAILABLE' });
  await mortal.close();
}, { only: ['file', 'postgres'] });

test('a store whose sessions are all in use is not ok', async () => {
  const store = await Store.open('sqlite::memory:', { sessions: 1 });
  await store.migrate();

  await store.transaction(async (tx) => {
    const answers = [await store.within(1000).health(), store.sync.health()];
    assert.deepEqual(answers.map(({ ok, status }) => [ok, status]),
      [[false, 'FARM_EAGAIN'], [false, 'FARM_EAGAIN']]);
    assert.equal((await tx.health()).ok, true);
  });
  await assert.rejects(store.as('').health(), failure('FARM_EINVAL'));
  assert.throws(() => store.sync.health('long'), TypeError);
  await store.close();
  await assert.rejects(store.health(), failure('FARM_EINVAL'));
});

test('no number of sessions is the default', async () => {
  const store = await Store.open('sqlite::memory:', { sessions: 0 });

  assert.equal(typeof await store.nowUs(), 'bigint');
  await store.close();
});

onStores('ids only grow', async (store) => {
  const made = [];
  for (let i = 0; i < 50; i++) made.push(await store.newId());

  assert.deepEqual(made, [...new Set(made)].sort());
});

test('a store that cannot be opened says why', async (t) => {
  const none = `sqlite:${folder(t)}/none/shop.db`;
  await assert.rejects(Store.open('dbase:shop'), (error) => error instanceof FarmError
    && error.code === 'FARM_EUNSUPPORTED' && error.status === 15 && error.retryable === false);
  await assert.rejects(Store.open(none), failure('FARM_EUNAVAILABLE'));
  assert.throws(() => SyncStore.open(none), failure('FARM_EUNAVAILABLE'));
  await assert.rejects(Store.open('sqlite::memory:', { sessions: -1 }), RangeError);
  await assert.rejects(Store.open('sqlite::memory:', { tries: 101 }), failure('FARM_EINVAL'));
  await assert.rejects(Store.open('sqlite::memory:', { actor: 5 }), TypeError);
  await assert.rejects(Store.open(5), TypeError);
});

test('a SyncStore needs no promises', () => {
  const store = SyncStore.open('sqlite::memory:', { sessions: 1 });
  store.migrate();
  store.freezeClock(NOW_US);
  store.service.rate.define([{ name: 'user', count: 5, periodUs: 60_000_000 }]);

  assert.equal(store.rate.take(USER).allowed, true);
  assert.equal(store.nowUs(), NOW_US);
  assert.throws(() => store.transaction(() => store.execute('select 1')), failure('FARM_EAGAIN'));
  assert.throws(() => store.rate.take([{ limit: 'none', subject: 'x' }]),
    failure('FARM_ENOTFOUND', 1));
  store.close();
  store.close();
  assert.throws(() => store.execute('select 1'), failure('FARM_EINVAL'));
});

onStores('more transactions than sessions take turns', async (store, site) => {
  await Promise.all(Array.from({ length: 30 }, (_, id) => store.transaction(async (tx) => {
    await tx.execute(site.sql(INSERT), [id, 'x']);
    await tx.execute('select 1');
  })));

  assert.equal((await ids(store, site)).length, 30);
});

onStores('many calls at once take exactly what there is', async (store) => {
  await define(store);

  const verdicts = await Promise.all(Array.from({ length: 60 }, () => store.rate.take(USER)));

  assert.equal(verdicts.filter((verdict) => verdict.allowed).length, 5);
});

onStores('errors of calls at once are not mixed', async (store) => {
  await Promise.all(Array.from({ length: 200 }, (_, i) => assert.rejects(
    store.rate.take([{ limit: `limit-${i}`, subject: 'x' }]),
    (error) => error.message.endsWith(`no limit limit-${i}`))));
});

onStores('who finds no session is busy after his time', async (store) => {
  await store.transaction(async () => {
    await assert.rejects(store.within(1000).execute('select 1'),
      (error) => failure('FARM_EAGAIN')(error) && error.retryable);
    assert.throws(() => store.sync.execute('select 1'), failure('FARM_EAGAIN'));
  });

  assert.deepEqual(await store.execute('select 1'), [[1n]]);
}, { options: { sessions: 1 }, only: ['memory', 'file'] });

onStores('the event loop turns while a call runs, and can interrupt it', async (store, site) => {
  const endless = site.isPostgres ? 'select pg_sleep(100000)' : ENDLESS;

  await assert.rejects(store.transaction(async (tx) => {
    const timer = setInterval(() => tx.interrupt(), 1);
    try {
      await tx.execute(endless);
    } finally {
      clearInterval(timer);
    }
  }, { timeoutUs: -1 }), failure('FARM_ETIMEOUT'));
  await assert.rejects(store.within(10_000n).execute(endless), failure('FARM_ETIMEOUT'));
});

onStores('closing while calls run lets them finish', async (store, site) => {
  const calls = Array.from({ length: 50 }, (_, id) =>
    store.execute(site.sql(INSERT), [id, 'x']).then(() => 'done', (error) => error.message));

  const closed = Promise.all([store.close(), store.close()]);
  const ends = await Promise.all(calls);
  await closed;

  assert.ok(ends.includes('done'));
  assert.deepEqual(new Set(ends), new Set(['done', 'the store is closed']));
  await assert.rejects(store.execute('select 1'), failure('FARM_EINVAL'));
  await assert.rejects(store.transaction(() => {}), failure('FARM_EINVAL'));
});

test('what rests goes back to the pool', () => {
  const pool = native.pool_new();
  native.pool_open(pool, 'sqlite::memory:', { maxCount: 1 });
  const sessions = new Sessions(pool, { sessions: 1, timeoutUs: 0n });
  sessions.give(sessions.takeSync());
  assert.throws(() => native.pool_acquire(pool, 0), (error) => error.code === 'FARM_EAGAIN');

  sessions.sweep();
  assert.throws(() => native.pool_acquire(pool, 0), (error) => error.code === 'FARM_EAGAIN');
  sessions.sweep(performance.now() + 5000);

  native.close(native.pool_acquire(pool, 0));
  sessions.closeSync();
});

test('a store can be disposed of', { skip: !Symbol.asyncDispose }, async () => {
  const store = await Store.open('sqlite::memory:');
  const local = SyncStore.open('sqlite::memory:');

  await store[Symbol.asyncDispose]();
  local[Symbol.dispose]();

  await assert.rejects(store.execute('select 1'), failure('FARM_EINVAL'));
  assert.throws(() => local.execute('select 1'), failure('FARM_EINVAL'));
});
