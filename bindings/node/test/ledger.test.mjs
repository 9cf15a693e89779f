// The ledger through the binding.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { test } from 'node:test';
import { ACCOUNTS, ANN, BEN, TILL, flags, move } from './ledger_support.mjs';
import { NOW_US, failure, onStores } from './support.mjs';
import {
  AMOUNT_MAX, AccountFlags, AccountStatus, ExportFormat, LedgerReason, QueryFlags, Status,
  SyncStore, TransferConditions, TransferFlags, TransferKind, TransferStatus, accountStatusText,
  transferStatusText,
} from '../lib/index.mjs';

const NOTHING = {
  debitsPendingMinor: 0n, debitsPostedMinor: 0n, creditsPendingMinor: 0n, creditsPostedMinor: 0n };
const statuses = (results) => results.map((result) => result.status);

/** On each store, with a book of euros and the accounts. */
function onLedgers(name, work) {
  onStores(name, async (store) => {
    const { ledger } = store.service;
    await ledger.openBooks([{ book: 1, asset: 'EUR', scale: 2 }]);
    await ledger.openAccounts(ACCOUNTS);
    await work(ledger, store);
  });
}

onLedgers('money moves and a repeat changes nothing', async (ledger) => {
  const sale = move(TILL, ANN, 1250);

  const [first] = await ledger.post([sale]);
  const [again] = await ledger.post([sale]);

  assert.deepEqual([first.status, again.status], [TransferStatus.CREATED, TransferStatus.EXISTS]);
  assert.deepEqual([first.isDone, again.isDone], [true, true]);
  assert.deepEqual({ ...again, status: first.status }, { ...first });
  assert.ok(first.timestampNs / 1000n >= NOW_US);
  assert.deepEqual([first.amountMinor, first.debit, first.credit],
    [1250n, { ...NOTHING, debitsPostedMinor: 1250n }, { ...NOTHING, creditsPostedMinor: 1250n }]);
});

onLedgers('accounts are opened once, each with its result', async (ledger) => {
  const [, ann] = ACCOUNTS;

  const results = await ledger.openAccounts([{ ...ann, id: randomUUID() }, ann,
    { ...ann, flags: 0 }, { ...ann, id: randomUUID(), book: 9 }]);

  assert.deepEqual(statuses(results), [AccountStatus.CREATED, AccountStatus.EXISTS,
    AccountStatus.EXISTS_WITH_DIFFERENT_FLAGS, AccountStatus.LEDGER_NOT_FOUND]);
  assert.deepEqual(results.map(({ isDone }) => isDone), [true, true, false, false]);
  assert.deepEqual({ ...results[3] }, { status: AccountStatus.LEDGER_NOT_FOUND, timestampNs: 0n });
  assert.equal(accountStatusText(results[3].status), 'there is no such book');
});

onLedgers('an account is found as it was opened', async (ledger) => {
  const given = { id: randomUUID(), book: 1n, code: 65535, flags: flags | AccountFlags.HISTORY,
    creditLimitMinor: AMOUNT_MAX, userData128: randomUUID(), userData64: -(2n ** 63n),
    userData32: -(2 ** 31) };
  const [{ timestampNs }] = await ledger.openAccounts([given]);

  const [found, nobody, ann] = await ledger.findAccounts([given.id, randomUUID(), ANN]);

  assert.deepEqual(found, { ...given, timestampNs, version: 0n, balances: NOTHING });
  assert.equal(nobody, null);
  assert.deepEqual([ann.id, ann.userData128, ann.balances], [ANN, null, NOTHING]);
});

onLedgers('a hold is posted in part', async (ledger) => {
  const hold = move(TILL, ANN, 100n, { book: 1n, flags: TransferFlags.PENDING, timeoutUs: 9n,
    userData128: randomUUID(), userData64: 2n ** 53n + 1n, userData32: 3, effectiveUs: NOW_US });
  const end = { id: randomUUID(), pendingId: hold.id, amountMinor: 60,
    flags: TransferFlags.POST_PENDING_TRANSFER };

  const [held, posted] = await ledger.post([hold, end]);

  assert.deepEqual(held.credit, { ...NOTHING, creditsPendingMinor: 100n });
  assert.deepEqual([posted.amountMinor, posted.credit],
    [60n, { ...NOTHING, creditsPostedMinor: 60n }]);
  const [ofHold, nothing, ofEnd] =
    await ledger.findTransfers([hold.id, randomUUID(), end.id]);
  assert.deepEqual(ofHold, { ...hold, pendingId: null, timestampNs: held.timestampNs,
    kind: TransferKind.PENDING, resolution: TransferKind.POSTED, reversedId: null,
    reversedMinor: 0n, debit: held.debit, credit: held.credit });
  assert.equal(nothing, null);
  assert.deepEqual([ofEnd.kind, ofEnd.pendingId, ofEnd.debitAccountId, ofEnd.credit],
    [TransferKind.POSTED, hold.id, TILL, posted.credit]);
});

onLedgers('a sale is refunded in parts and never more', async (ledger) => {
  const sale = move(TILL, ANN, 100);
  const [refund, rest, more] = [30, AMOUNT_MAX, 1].map((amountMinor) =>
    ({ id: randomUUID(), reversedId: sale.id, amountMinor }));

  const [, first, last, refused] = await ledger.post([sale, refund, rest, more]);

  assert.deepEqual([first.amountMinor, last.amountMinor], [30n, 70n]);
  assert.equal(refused.status, TransferStatus.REVERSED_TRANSFER_ALREADY_REVERSED);
  const [ofSale, ofRefund] = await ledger.findTransfers([sale.id, refund.id]);
  assert.deepEqual([ofSale.reversedMinor, ofSale.reversedId], [100n, null]);
  assert.deepEqual([ofRefund.kind, ofRefund.reversedId, ofRefund.debitAccountId],
    [TransferKind.REVERSAL, sale.id, ANN]);
});

onLedgers('a credit limit is changed', async (ledger) => {
  const id = randomUUID();
  await ledger.openAccounts([{ id, book: 1, code: 1, flags, creditLimitMinor: 5 }]);
  await ledger.changeCreditLimit(id, 5, 9n);
  await ledger.changeCreditLimit(id, 5n, 9);
  assert.equal((await ledger.findAccounts([id]))[0].creditLimitMinor, 9n);
  await assert.rejects(async () => ledger.changeCreditLimit(id, 5, 7), failure('FARM_EREFUSED'));
});

onLedgers('holds end', async (ledger, store) => {
  const hold = { flags: TransferFlags.PENDING, timeoutUs: 1_000_000 };
  await ledger.post([1, 2, 3].map((amount) => move(TILL, ANN, amount, hold)));
  assert.equal(await ledger.expire(10), 0n);

  store.freezeClock(NOW_US + 3_000_000n);

  assert.deepEqual([await ledger.expire(2), await ledger.expire(2n), await ledger.expire(2)],
    [2n, 1n, 0n]);
  assert.deepEqual((await ledger.findAccounts([ANN]))[0].balances, NOTHING);
});

onLedgers('what is not there cannot be paid out', async (ledger) => {
  await ledger.post([move(TILL, ANN, 10)]);

  const [refused, none] = await ledger.post([move(ANN, TILL, 11), move(ANN, randomUUID(), 1)]);

  assert.equal(refused.status, TransferStatus.EXCEEDS_CREDITS);
  assert.equal(transferStatusText(refused.status), 'the debit account has not enough');
  assert.deepEqual([refused.isDone, refused.timestampNs, refused.amountMinor], [false, 0n, 0n]);
  assert.deepEqual(refused.debit, { ...NOTHING, creditsPostedMinor: 10n });
  assert.equal(none.status, TransferStatus.CREDIT_ACCOUNT_NOT_FOUND);
});

onLedgers('a chain happens whole or not at all', async (ledger) => {
  const linked = { flags: TransferFlags.LINKED };

  const results = await ledger.post([move(TILL, ANN, 10, linked), move(BEN, ANN, 1, linked),
    move(TILL, BEN, 10), move(TILL, BEN, 7)]);

  assert.deepEqual(statuses(results), [TransferStatus.LINKED_EVENT_FAILED,
    TransferStatus.EXCEEDS_CREDITS, TransferStatus.LINKED_EVENT_FAILED, TransferStatus.CREATED]);
  const [ann, ben] = await ledger.findAccounts([ANN, BEN]);
  assert.deepEqual([ann.balances, ben.balances],
    [NOTHING, { ...NOTHING, creditsPostedMinor: 7n }]);
});

onLedgers('conditions are asked', async (ledger) => {
  const [{ version }] = await ledger.findAccounts([TILL]);
  const asked = { conditions: TransferConditions.DEBIT_VERSION, debitVersion: version };

  const results = await ledger.post([move(TILL, ANN, 1, asked), move(TILL, ANN, 1, asked)]);

  assert.deepEqual(statuses(results), [TransferStatus.CREATED, TransferStatus.CONDITION_FAILED]);
});

onLedgers('amounts are exact', async (ledger) => {
  const amount = 2n ** 53n + 1n;

  const moved = await ledger.post([move(TILL, ANN, amount),
    move(ANN, BEN, AMOUNT_MAX, { flags: TransferFlags.BALANCING_DEBIT })]);

  assert.deepEqual(moved.map((result) => result.amountMinor), [amount, amount]);
  assert.equal((await ledger.findAccounts([BEN]))[0].balances.creditsPostedMinor, amount);
});

onLedgers('a batch of a thousand', async (ledger) => {
  const sales = Array.from({ length: 1000 }, (_, n) => move(TILL, n % 2 ? ANN : BEN, n));

  const results = await ledger.post(sales);

  assert.deepEqual(statuses(results), sales.map(() => TransferStatus.CREATED));
  assert.deepEqual(results.map((result) => Number(result.amountMinor)),
    sales.map((sale) => sale.amountMinor));
  assert.equal(results.at(-1).debit.debitsPostedMinor, 499_500n);
  assert.ok(statuses(await ledger.post(sales)).every((one) => one === TransferStatus.EXISTS));
  const ids = sales.map((sale) => sale.id);
  assert.deepEqual((await ledger.findTransfers(ids)).map(({ id }) => id), ids);
  const accounts = ids.map((id) => ({ id, book: 1, code: 20 }));
  assert.ok((await ledger.openAccounts(accounts)).every((result) => result.isDone));
  assert.deepEqual((await ledger.findAccounts(ids)).map(({ id }) => id), ids);
});

onLedgers('a batch has a size', async (ledger) => {
  for (const name of ['openBooks', 'openAccounts', 'post', 'findAccounts', 'findTransfers']) {
    await assert.rejects(ledger[name]([]), failure('FARM_EINVAL'));
  }
  await assert.rejects(ledger.findAccounts(Array(8191).fill(TILL)), failure('FARM_EINVAL'));
  await assert.rejects(ledger.expire(0), failure('FARM_EINVAL'));
});

onLedgers('wrong types are turned down', async (ledger) => {
  const good = move(TILL, ANN, 1);
  for (const id of ['no id', good.id.slice(1)]) {
    await assert.rejects(ledger.post([{ ...good, id }]), failure('FARM_EINVAL'));
  }
  for (const bad of [{ ...good, id: 5 }, { ...good, amountMinor: '1' }, { ...good, code: {} },
    { ...good, flags: true }, null, 'transfer', undefined]) {
    await assert.rejects(ledger.post([good, bad]), TypeError);
  }
  await assert.rejects(ledger.openAccounts([{ ...ACCOUNTS[0], balances: 5 }]), TypeError);
  await assert.rejects(ledger.openBooks([{ book: 1, asset: 5, scale: 2 }]), TypeError);
  for (const ids of [[null], [7], 7, undefined]) {
    await assert.rejects(ledger.findAccounts(ids), TypeError);
  }
  await assert.rejects(ledger.expire('1'), TypeError);
  assert.deepEqual(await ledger.findTransfers([good.id]), [null]);
});

onLedgers('numbers are in range or turned down', async (ledger) => {
  const good = move(TILL, ANN, 1);
  for (const bad of [{ amountMinor: 2n ** 63n }, { amountMinor: 2 ** 53 }, { amountMinor: 0.5 },
    { code: 2 ** 31 }, { flags: -1 }, { flags: 2 ** 32 }, { userData64: -(2n ** 63n) - 1n },
    { conditions: 2 ** 32 }]) {
    await assert.rejects(ledger.post([{ ...good, ...bad }]), RangeError);
  }
  await assert.rejects(
    ledger.openAccounts([{ ...ACCOUNTS[0], balances: { debitsPostedMinor: 2n ** 63n } }]),
    RangeError);
  assert.deepEqual(
    statuses(await ledger.post([{ ...good, amountMinor: -1 }, { ...good, flags: 2 ** 31 }])),
    [TransferStatus.AMOUNT_MUST_NOT_BE_NEGATIVE, TransferStatus.RESERVED_FLAG]);
});

onLedgers('a book stays as it is', async (ledger) => {
  const book = { book: 1, asset: 'EUR', scale: 2 };
  await ledger.openBooks([book, { book: 2n ** 63n - 1n, asset: 'USD', scale: 0 }]);

  await assert.rejects(ledger.openBooks([{ ...book, scale: 3 }]),
    failure('FARM_EEXISTS', LedgerReason.BOOK_DIFFERS));
});

onLedgers('only the service may', async (_, store) => {
  for (const { ledger } of [store, store.as('ann')]) {
    for (const [name, argument] of [['openBooks', [{ book: 1, asset: 'EUR', scale: 2 }]],
      ['openAccounts', ACCOUNTS], ['post', [move(TILL, ANN, 1)]], ['expire', 1],
      ['findAccounts', [ANN]], ['findTransfers', [ANN]]]) {
      await assert.rejects(ledger[name](argument), failure('FARM_EDENIED'), name);
    }
  }
});

onLedgers('a transaction takes transfers back', async (ledger, store) => {
  const own = new Error('own');
  await assert.rejects(store.transaction(async (tx) => {
    assert.ok((await tx.ledger.post([move(TILL, ANN, 5)]))[0].isDone);
    throw own;
  }, { service: true }), own);

  assert.deepEqual((await ledger.findAccounts([ANN]))[0].balances, NOTHING);
});

test('the same without promises', () => {
  const store = SyncStore.open('sqlite::memory:');
  store.migrate();
  const { ledger } = store.service;
  ledger.openBooks([{ book: 1, asset: 'EUR', scale: 2 }]);
  const sale = move(TILL, ANN, 7);

  const results = [...ledger.openAccounts(ACCOUNTS), ...ledger.post([sale]),
    ...ledger.post([sale])];

  assert.ok(results.every((result) => result.isDone));
  assert.equal(ledger.expire(1), 0n);
  assert.deepEqual(ledger.findAccounts([ANN, randomUUID()]).map((one) => one?.id),
    [ANN, undefined]);
  assert.equal(ledger.findTransfers([sale.id])[0].amountMinor, 7n);
  assert.deepEqual([...ledger.transfers({ accountId: ANN }, { capacity: 1 })].map(({ id }) => id),
    [sale.id]);
  assert.equal([...ledger.accounts({ book: 1 })].length, 3);
  assert.match(Buffer.concat([...ledger.export({ book: 1 })]).toString(), /,0\.07,EUR,/);
  assert.throws(() => store.ledger.post([sale]), failure('FARM_EDENIED'));
  store.close();
});

onLedgers('histories are read page by page', async (ledger) => {
  const sales = [1, 2, 3, 4, 5].map((amount) => move(TILL, ANN, amount));
  const results = await ledger.post([...sales, move(ANN, TILL, 4)]);
  const amounts = async (query, capacity) => {
    const found = [];
    for await (const event of ledger.transfers(query, { capacity })) found.push(event.amountMinor);
    return found;
  };

  assert.deepEqual(await amounts({ accountId: ANN }, 2), [1n, 2n, 3n, 4n, 5n, 4n]);
  assert.deepEqual(await amounts({ accountId: ANN, flags: QueryFlags.REVERSED }, 4),
    [4n, 5n, 4n, 3n, 2n, 1n]);
  assert.deepEqual(await amounts({ accountId: ANN, flags: QueryFlags.DEBITS }), [4n]);
  assert.deepEqual(await amounts({ book: 1, toNs: results[1].timestampNs }), [1n, 2n]);
  const page = await ledger.transfersPage({ accountId: ANN }, { capacity: 6 });
  assert.equal(page.rows.length, 6);
  assert.equal(page.cursorNs, page.rows[5].timestampNs);

  const accounts = [];
  for await (const { id } of ledger.accounts({ book: 1, code: 20 }, { capacity: 1 }))
    accounts.push(id);
  assert.deepEqual(accounts, [ANN, BEN]);
  const [then, nobody] = await ledger.findAccountsAt(results[1].timestampNs, [ANN, randomUUID()]);
  assert.deepEqual(then.balances, { ...NOTHING, creditsPostedMinor: 3n });
  assert.equal(nobody, null);
});

onLedgers('an export is the same file in pieces of any size', async (ledger) => {
  for (let i = 0; i < 30; i++) await ledger.post([move(TILL, ANN, i)]);
  const file = async (options, query) => {
    const pieces = [];
    for await (const piece of ledger.export({ book: 1, ...query }, options)) pieces.push(piece);
    return Buffer.concat(pieces).toString();
  };

  const table = await file();

  assert.equal(table.split('\r\n').length, 32);
  assert.equal(await file({ size: 4096 }), table);
  assert.match(table, /,0\.29,EUR,1,.*,-4\.35,0\.00,4\.35,0\.00\r\n$/);
  assert.match(await file({ format: ExportFormat.HLEDGER }), /"EUR" = 4\.35 "EUR"\n/);
  assert.match(await file({ format: ExportFormat.BEANCOUNT, size: 4096 }, { toNs: AMOUNT_MAX }),
    /9999-12-31 balance Assets:Ac-[-\da-f]+ {2}-4\.35 ~ 0 EUR\n/);
  await assert.rejects(file({ format: ExportFormat.BEANCOUNT }), { status: Status.EINVAL });
});

onLedgers('a table is imported, and a repeat changes nothing', async (ledger) => {
  await ledger.post([move(TILL, ANN, 700), move(ANN, TILL, 1)]);
  const pieces = [];
  for await (const piece of ledger.export({ book: 1 })) pieces.push(piece);
  const table = Buffer.concat(pieces).toString().trimEnd();
  const store = SyncStore.open('sqlite::memory:');
  store.migrate();
  store.freezeClock(NOW_US + 1_000_000n);
  const copy = store.service.ledger;
  copy.openBooks([{ book: 1, asset: 'EUR', scale: 2 }]);
  const accounts = [];
  for await (const account of ledger.accounts({ book: 1 })) {
    accounts.push({ ...account, flags: account.flags | AccountFlags.IMPORTED, version: 0,
      balances: undefined });
  }
  assert.ok(copy.openAccounts(accounts).every((result) => result.isDone));

  for (let i = 0; i < 2; i++) {
    assert.equal(copy.importTable(1, [Buffer.from(table)]), 2);
    const found = copy.findAccounts([TILL, ANN]).map(({ balances }) => balances);
    assert.deepEqual(found, (await ledger.findAccounts([TILL, ANN]))
      .map(({ balances }) => balances));
  }

  assert.throws(() => copy.importTable(1, [Buffer.from(table.replace('7.00,EUR', '7.01,EUR'))]),
    failure('FARM_EREFUSED', LedgerReason.REFUSED));
  store.close();
});

test('a book is followed and its seals are checked', async () => {
  const store = SyncStore.open('sqlite::memory:');
  store.migrate();
  const { ledger } = store.service;
  ledger.openBooks([{ book: 1, asset: 'EUR', scale: 2 }]);
  ledger.openAccounts(ACCOUNTS);
  const moves = [move(TILL, ANN, 7), move(TILL, ANN, 8), move(TILL, ANN, 9)];
  ledger.post(moves);

  const first = ledger.sealEvents(1, 2);
  const second = ledger.sealEvents(1);

  assert.deepEqual([first.number, first.firstSequence, first.eventCount], [1n, 1n, 2n]);
  assert.deepEqual(second.previousHash, first.hash);
  assert.equal(ledger.sealEvents(1).number, 0n);
  assert.deepEqual(ledger.follow(1).map((event) => event.id), moves.map((item) => item.id));
  assert.deepEqual(ledger.follow(1, 2).map((event) => event.id), [moves[2].id]);
  assert.deepEqual(ledger.findSeals(1), [first, second]);
  assert.deepEqual(ledger.verifySeals(1), second);
  assert.deepEqual(ledger.verifySeals(1, first), second);
  assert.throws(() => ledger.verifySeals(1, { ...first, hash: Buffer.alloc(32) }),
    { status: Status.ECORRUPT });
  assert.throws(() => ledger.verifySeals(1, { ...first, hash: Buffer.alloc(31) }), /32 bytes/);
  store.close();
});

test('periods are summed, sealed or not', () => {
  const store = SyncStore.open('sqlite::memory:');
  store.migrate();
  const { ledger } = store.service;
  const hour = 3_600_000_000n;
  const day = BigInt(NOW_US) - BigInt(NOW_US) % hour;
  ledger.openBooks([{ book: 1, asset: 'EUR', scale: 2 }]);
  ledger.openAccounts(ACCOUNTS);
  ledger.post([{ ...move(TILL, ANN, 7), effectiveUs: day },
    { ...move(TILL, ANN, 8), effectiveUs: day - 1n, code: 5 }]);
  const wanted = [
    [{ accountId: ANN }, { code: 0, debitsMinor: 0n, creditsMinor: 15n, eventCount: 2n }],
    [{ accountId: ANN, fromUs: day },
      { code: 0, debitsMinor: 0n, creditsMinor: 7n, eventCount: 1n }],
    [{ accountId: TILL, toUs: day },
      { code: 0, debitsMinor: 8n, creditsMinor: 0n, eventCount: 1n }],
  ];
  for (let round = 0; round < 3; round++) {
    assert.deepEqual(ledger.sumPeriods(wanted.map(([period]) => period)),
      wanted.map(([, total]) => total));
    assert.deepEqual(ledger.sumCodes({ accountId: ANN }, 1),
      [{ code: 5, debitsMinor: 0n, creditsMinor: 8n, eventCount: 1n }]);
    ledger.sealEvents(1, 1);
  }
  assert.throws(() => ledger.sumPeriods([{ accountId: ANN, fromUs: 1 }]), /quarter of an hour/);
  store.close();
});

test('balances are reckoned again', () => {
  const store = SyncStore.open('sqlite::memory:');
  store.migrate();
  const { ledger } = store.service;
  ledger.openBooks([{ book: 1, asset: 'EUR', scale: 2 }]);
  ledger.openAccounts(ACCOUNTS);
  ledger.post([move(TILL, ANN, 7)]);
  const [before] = ledger.findAccounts([ANN]);
  store.service.execute('DROP TRIGGER farm_ledger_balance_follows');
  store.service.execute('UPDATE farm_ledger_balance SET credits_posted = 8, is_closed = 1 '
    + 'WHERE credits_posted = 7');

  const found = ledger.recompute(1);

  assert.deepEqual(found, [{
    accountId: ANN, book: 1n, keptVersion: 1n, version: 1n,
    kept: { ...before.balances, creditsPostedMinor: 8n }, balances: before.balances,
    keptIsClosed: true, isClosed: false,
    keptCreditLimitMinor: before.creditLimitMinor, creditLimitMinor: before.creditLimitMinor,
  }]);
  assert.deepEqual(ledger.recompute(1, { repair: true, capacity: 1 }), found);
  assert.deepEqual(ledger.recompute(1), []);
  ledger.sealEvents(1, 1);
  store.service.execute('UPDATE farm_ledger_total SET credits = credits + 1 WHERE credits > 0');
  const totals = ledger.recomputeTotals(1, { repair: true });
  assert.deepEqual(totals.map((row) => [row.accountId, row.keptCreditsMinor, row.creditsMinor]),
    [[ANN, 8n, 7n]]);
  assert.deepEqual(ledger.recomputeTotals(1), []);
  assert.deepEqual(ledger.findAccounts([ANN]), [before]);
  store.close();
});

onLedgers('a period is closed', async (ledger) => {
  const yesterday = NOW_US - 86_400_000_000n;
  const late = { ...move(TILL, ANN, 7), effectiveUs: yesterday };

  await ledger.closeBook(1, yesterday);

  const [refused] = await ledger.post([late]);
  const [posted] = await ledger.post([{ ...late, effectiveUs: yesterday + 1n }]);
  assert.equal(refused.status, TransferStatus.EFFECTIVE_IN_CLOSED_PERIOD);
  assert.ok(posted.isDone);
  await assert.rejects(async () => ledger.closeBook(9, yesterday), failure('FARM_ENOTFOUND'));
});
