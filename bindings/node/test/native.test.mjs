// The generated addon under the layer: constants, handles, converters, worker threads, memory.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import { test } from 'node:test';
import { Worker } from 'node:worker_threads';
import { failure, folder } from './support.mjs';
import farmcore, { Store, SyncStore } from '../lib/index.mjs';

const native = createRequire(import.meta.url)('../lib/native.cjs');
const LAYER = new URL('../lib/index.mjs', import.meta.url).href;
const OPTIONS = { maxCount: 2 };
// The layer's errors are made of these.
const raw = (code) => (error) => error.code === code;

function open(t) {
  const pool = native.pool_new();
  native.pool_open(pool, 'sqlite::memory:', OPTIONS);
  t.after(() => native.close(pool));
  return pool;
}

test('the enums are those of the headers, whole', () => {
  const of = { RateScope: 'RATE_SCOPE_', RateReason: 'RATE_REASON_',
    RateAlgorithm: 'RATE_ALGORITHM_',
    RateCalendar: 'RATE_CALENDAR_', RateChange: 'RATE_CHANGE_', RateOnError: 'RATE_ON_ERROR_',
    RateRule: 'RATE_RULE_', RateSource: 'RATE_SOURCE_', RoleReason: 'ROLE_REASON_',
    IdempotencyReason: 'IDEMPOTENCY_REASON_', BreakerCause: 'BREAKER_CAUSE_',
    TransferConditions: 'LEDGER_IF_', TransferStatus: 'LEDGER_TRANSFER_',
    RedactAction: 'REDACT_ACTION_', TransferKind: 'LEDGER_KIND_', InvoiceStatus: 'LEDGER_INVOICE_',
    LedgerReason: 'LEDGER_REASON_' };
  for (const [name, prefix] of Object.entries(of)) {
    const found = Object.keys(native).filter((key) => key.startsWith(prefix));
    assert.deepEqual(Object.entries(farmcore[name]).sort(),
      found.map((key) => [key.slice(prefix.length), native[key]]).sort());
  }
  for (const name of ['Status', 'Outcome', 'Role', 'Operation', 'BreakerState', 'CallOutcome']) {
    for (const value of Object.values(farmcore[name])) assert.equal(typeof value, 'number', name);
  }
  const named = (prefix, ...names) => names.flatMap((name) => Object.entries(farmcore[name])
    .map(([key, value]) => [prefix + key, value]));
  const limits = ['BATCH_MAX', 'ASSET_MAX', 'SCALE_MAX', 'CODE_MAX', 'SCAN_MAX', 'REFUND_MAX',
    'EXPORT_SIZE_MIN', 'LINE_MAX', 'HASH_SIZE', 'GROUP_DEPTH_MAX', 'SERIES_MAX', 'LINE_TEXT_MAX'];
  assert.deepEqual(
    [...named('ACCOUNT_', 'AccountFlags', 'AccountStatus'), ...named('', 'TransferFlags'),
      ...named('IF_', 'TransferConditions'), ...named('QUERY_', 'QueryFlags'),
      ...named('FORMAT_', 'ExportFormat'),
      ...named('PAYEE_', 'PayeeFlags'), ...named('PAYOUT_', 'PayoutReason'),
      ...named('OUTCOME_', 'PayoutOutcome'),
      ...named('NOMINATION_', 'NominationStatus'),
      ...named('TRANSFER_', 'TransferStatus'), ...named('INVOICE_', 'InvoiceStatus'),
      ...named('KIND_', 'TransferKind'), ...named('REASON_', 'LedgerReason')].sort(),
    Object.keys(native).filter((key) => /^LEDGER_/.test(key))
      .map((key) => [key.slice('LEDGER_'.length), native[key]])
      .filter(([key]) => !limits.includes(key)).sort());
  const statuses = Object.keys(native).filter((key) => /^(E(?!RROR_)[A-Z]+|OK)$/.test(key));
  assert.deepEqual(Object.keys(farmcore.Status).sort(), statuses.sort());
});

test('statuses have names, texts and whether to retry', () => {
  const retryable = Object.entries(farmcore.Status)
    .filter(([, status]) => native.status_is_retryable(status) === 1).map(([name]) => name);

  assert.deepEqual(retryable, ['EAGAIN', 'ETIMEOUT', 'EUNAVAILABLE', 'EUNCERTAIN']);
  assert.equal(native.status_name(11), 'FARM_EDENIED');
  assert.ok(native.status_text(11).length > 0);
});

test('the ledger says what its statuses mean', () => {
  for (const [name, status] of Object.entries(farmcore.AccountStatus)) {
    assert.equal(farmcore.accountStatusName(status), name);
    assert.ok(farmcore.accountStatusText(status).length > 0);
  }
  for (const [name, status] of Object.entries(farmcore.NominationStatus)) {
    assert.equal(farmcore.nominationStatusName(status), name);
    assert.ok(farmcore.nominationStatusText(status).length > 0);
  }
  for (const [name, status] of Object.entries(farmcore.TransferStatus)) {
    assert.equal(farmcore.transferStatusName(status), name);
    assert.ok(farmcore.transferStatusText(status).length > 0);
  }
  assert.equal(farmcore.transferStatusName(18), 'UNKNOWN');
  for (const [name, status] of Object.entries(farmcore.InvoiceStatus)) {
    assert.equal(farmcore.invoiceStatusName(status), name);
    assert.ok(farmcore.invoiceStatusText(status).length > 0);
  }
});

test('the layer exports what the types declare', () => {
  const types = ['index', 'ledger', 'ledger_programs']
    .map((name) => readFileSync(new URL(`../lib/${name}.d.ts`, import.meta.url), 'utf8')).join('');
  const declared = [...types.matchAll(/^export (?:const|class|function) (\w+)/gm)].map((m) => m[1]);

  assert.deepEqual(Object.keys(farmcore).sort(), declared.sort());
});

test('the version is that of the headers and of the package', () => {
  const { version } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url)));

  assert.equal(farmcore.version, version);
  assert.equal(native.version(), native.VERSION_MAJOR * 1_000_000 + native.VERSION_MINOR * 1000
    + native.VERSION_PATCH);
});

test('every function has both forms', async () => {
  const functions = Object.keys(native).filter((key) => typeof native[key] === 'function');
  const plain = functions.filter((key) => !key.endsWith('Async'));

  assert.deepEqual(functions.filter((key) => key.endsWith('Async')).sort(),
    plain.map((key) => `${key}Async`).sort());
  assert.equal(await native.versionAsync(), native.version());
  assert.throws(() => native.version(1), TypeError);
  await assert.rejects(native.versionAsync(1), TypeError);
});

test('ids go both ways', () => {
  const text = '01a20b03-2314-7349-a8a9-eb0e08fe470e';

  assert.equal(native.id_from_text(text.toUpperCase()), text);
  assert.equal(native.id_to_text(text), text);
  for (const bad of ['', `${text}0`]) {
    assert.throws(() => native.id_from_text(bad), raw('FARM_EINVAL'));
    assert.throws(() => native.id_to_text(bad), raw('FARM_EINVAL'));
  }
});

test('handles are of their kind', (t) => {
  const pool = open(t);
  const session = native.pool_acquire(pool, 0);
  const breakers = native.breakers_new({});
  t.after(() => native.close(breakers));

  assert.throws(() => native.pool_acquire(session, 0), TypeError);
  assert.throws(() => native.rate_local_remove(breakers, 'user'),
    { name: 'TypeError', message: 'a set of limits is required' });
  assert.throws(() => native.migrate(pool), TypeError);
  for (const bad of [null, undefined, {}, 5, Buffer.alloc(1)]) {
    assert.throws(() => native.migrate(bad), TypeError);
    assert.throws(() => native.close(bad), TypeError);
  }
});

test('a session keeps its pool and is closed once', async (t) => {
  const pool = open(t);
  const session = await native.pool_acquireAsync(pool, -1);
  await native.closeAsync(pool);

  await native.migrateAsync(session);
  native.session_set_timeout_us(session, -1n);
  native.begin(session);
  native.rollback(session);
  native.begin(session);
  native.commit(session);
  native.close(session);
  native.close(session);
  assert.throws(() => native.migrate(session), raw('FARM_EINVAL'));
  assert.throws(() => native.pool_acquire(pool, 0), raw('FARM_EINVAL'));
});

test('a session outlives the object of its pool', () => {
  const acquired = () => {
    const pool = native.pool_new();
    native.pool_open(pool, 'sqlite::memory:', OPTIONS);
    return native.pool_acquire(pool, 0);
  };
  const sessions = Array.from({ length: 20 }, acquired);
  globalThis.gc();

  for (const session of sessions) native.migrate(session);
  for (const session of sessions) native.close(session);
});

test('a pool that was closed as a whole hands out nothing', (t) => {
  const pool = open(t);
  assert.throws(() => native.pool_open(pool, 'sqlite::memory:', OPTIONS), raw('FARM_EINVAL'));

  native.pool_close(pool);

  assert.throws(() => native.pool_acquire(pool, 0), raw('FARM_EINVAL'));
});

test('a session is for one call at a time', async (t) => {
  const session = native.pool_acquire(open(t), 0);
  const first = native.migrateAsync(session);

  assert.throws(() => native.session_now_us(session), raw('FARM_EINVAL'));
  await first;
  assert.equal(typeof native.session_now_us(session), 'bigint');
});

test('numbers are exact or turned down', (t) => {
  const session = native.pool_acquire(open(t), 0);
  native.session_set_clock_us(session, Number.MAX_SAFE_INTEGER > 7e15 ? 7e15 : 0);

  assert.equal(native.session_now_us(session), 7_000_000_000_000_000n);
  for (const bad of [2n ** 63n, -(2n ** 63n) - 1n, 2 ** 53, 0.5, NaN, -Infinity]) {
    assert.throws(() => native.session_set_clock_us(session, bad), RangeError);
  }
  for (const bad of ['1', null, undefined, {}, true]) {
    assert.throws(() => native.session_set_clock_us(session, bad), TypeError);
  }
  assert.throws(() => native.role_name(2 ** 31), RangeError);
  assert.throws(() => native.role_list(session, 'shop', null, 0, 1001), RangeError);
});

test('headers need a state for each request', (t) => {
  const session = native.pool_acquire(open(t), 0);
  const requests = [{ limit: 'user', subject: 'u42', cost: 1 }];
  const decision = { allowed: true, decidedIndex: 0, isNever: false, retryAfterUs: 0n };

  assert.throws(() => native.rate_headers(session, { requests, states: [] }, decision), RangeError);
  assert.throws(() => native.rate_headers(session, requests, decision), TypeError);
  assert.throws(() => native.rate_headers(session, { requests, states: [{}] }, decision),
    TypeError);
});

test('a getter that throws is its own error', (t) => {
  const session = native.pool_acquire(open(t), 0);
  const own = new Error('own');

  assert.throws(() => native.rate_take(session, [{ get limit() { throw own; } }]), own);
});

test('worker threads share a file and can be ended at any time', async (t) => {
  const uri = `sqlite:${folder(t)}/shop.db`;
  const store = await Store.open(uri);
  await store.migrate();
  await store.service.rate.define([{ name: 'user', count: 1000, periodUs: 1_000_000_000 }]);
  store.freezeClock(5);
  const run = (rest) => new Worker(`
    const { workerData, parentPort } = require('node:worker_threads');
    import(workerData.layer).then(async ({ Store }) => {
      const store = await Store.open(workerData.uri);
      store.freezeClock(5);
      const take = () => store.rate.take([{ limit: 'user', subject: 'u42' }]);
      for (let i = 0; i < 40; i++) await take();
      ${rest}
    })`, { eval: true, workerData: { layer: LAYER, uri } });
  const ended = (worker) => new Promise((resolve, reject) => {
    worker.on('error', reject);
    worker.on('exit', resolve);
  });

  const codes = await Promise.all(
    ['await store.close();', 'take();', 'process.exit(0);'].map((rest) => ended(run(rest))));
  const stopped = run('parentPort.postMessage(0); for (;;) await take();');
  const end = ended(stopped);
  await new Promise((resolve) => { stopped.once('message', resolve); });
  await stopped.terminate();
  await end;

  assert.deepEqual(codes, [0, 0, 0]);
  const { remaining } = (await store.rate.peek([{ limit: 'user', subject: 'u42' }])).states[0];
  assert.ok(remaining <= 1000n - 160n);
  await store.close();
});

test('what is abandoned is freed', async (t) => {
  const uri = `sqlite:${folder(t)}/shop.db`;
  for (let i = 0; i < 50; i++) {
    const store = SyncStore.open(uri);
    store.migrate();
    store.service.idempotency.begin('u42', 'k', 'op');
  }
  globalThis.gc();

  const store = SyncStore.open(uri);
  assert.deepEqual(store.transaction((tx) => tx.execute('select 1')), [[1n]]);
  store.close();
});

// The engine's heap settles late, so each thing that could leak is large.
const MIXED = `
  const { SyncStore, Store } = require(process.argv[1]);
  const attempt = (act) => {
    try { act(); } catch { return; }
    throw new Error('an error is missing');
  };
  async function turn(store, local, i) {
    const user = [{ limit: 'user', subject: 'u42' }, { limit: 'user', subject: 'ü'.repeat(100) }];
    await store.rate.take(user);
    await store.execute('select ?1, ?2, ?3', [i, 'x'.repeat(2e4), Buffer.alloc(2e4)]);
    const claim = await store.service.idempotency.begin('u42', 'k' + i % 7, 'op',
      Buffer.alloc(2e4));
    for await (const row of store.service.roles.list('shop')) void row;
    await store.transaction((tx) => tx.execute('select 1'));
    await store.execute('select ?1, ?2, ?3', ['x'.repeat(2e4), Buffer.alloc(2e4), {}])
      .catch(() => {});
    await store.rate.take([{ limit: 'none', subject: 'x' }]).catch(() => {});
    attempt(() => local.rate.take([{ limit: 'x'.repeat(2e4), subject: 5 }]));
    attempt(() => local.execute('selec'));
    attempt(() => local.as('').execute('select 1'));
    attempt(() => SyncStore.open('dbase:'));
    local.service.roles.checkMany([{ entity: 'shop', operation: 1 }]);
    local.health();
    void claim;
  }
  (async () => {
    const store = await Store.open('sqlite::memory:');
    await store.migrate();
    await store.service.rate.define([{ name: 'user', count: 10, periodUs: 1_000_000 }]);
    await store.service.roles.found('shop', 'anna');
    const measure = async (count) => {
      for (let i = 0; i < count; i++) await turn(store, store.sync, i);
      for (let i = 0; i < 5; i++) { gc(); await new Promise(setImmediate); }
      return process.memoryUsage.rss();
    };
    const before = await measure(1000);
    console.log(await measure(2000) - before);
    await store.close();
  })();`;

test('memory does not grow', () => {
  const layer = fileURLToPath(new URL('../lib/index.cjs', import.meta.url));
  const done = spawnSync(process.execPath, ['--expose-gc', '-e', MIXED, layer],
    { encoding: 'utf8', env: { ...process.env, MALLOC_ARENA_MAX: '1' } });

  assert.equal(done.status, 0, done.stderr);
  assert.ok(Number(done.stdout) < 12 << 20, `2000 turns took ${done.stdout} bytes`);
});
