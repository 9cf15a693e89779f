// Who gets what of the ledger: payouts, owners, groups and invoices.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { test } from 'node:test';
import { ACCOUNTS, ANN, BEN, TILL, move } from './ledger_support.mjs';
import {
  InvoiceStatus, LedgerReason, PayeeFlags, PayoutOutcome, PayoutReason, Status, Store, SyncStore,
  TransferKind, TransferStatus,
} from '../lib/index.mjs';

function payout(reason, amountMinor, availableMinor) {
  return {
    reason, amountMinor, availableMinor, immatureMinor: 0n, feeMinor: 0n, transferId: null,
    timestampNs: 0n, resolution: 0,
  };
}

test('payees are told what they may get', () => {
  const store = SyncStore.open('sqlite::memory:');
  store.migrate();
  const { ledger } = store.service;
  ledger.openBooks([{ book: 1, asset: 'EUR', scale: 2 }]);
  ledger.openAccounts(ACCOUNTS);
  ledger.post([move(TILL, ANN, 70)]);

  const found = ledger.checkPayouts({ minimumMinor: 10, reserveMinor: 5 },
    [{ accountId: ANN }, { accountId: BEN }, { accountId: ANN, flags: PayeeFlags.BLOCKED }]);

  assert.deepEqual(found, [
    payout(PayoutReason.ELIGIBLE, 65n, 70n), payout(PayoutReason.NOTHING, 0n, 0n),
    payout(PayoutReason.BLOCKED, 0n, 70n),
  ]);
  store.close();
});

test('a run holds and settles what payees get', async () => {
  const store = await Store.open('sqlite::memory:');
  await store.migrate();
  const { ledger } = store.service;
  await ledger.openBooks([{ book: 1, asset: 'EUR', scale: 2 }]);
  await ledger.openAccounts(ACCOUNTS);
  await ledger.post([move(TILL, ANN, 70)]);
  const run = { id: randomUUID(), code: 5, clearingAccountId: TILL };
  const rules = { book: 1, reserveMinor: 5 };
  const payees = [{ accountId: ANN }, { accountId: BEN }];

  const held = await ledger.holdPayouts(run, rules, payees);

  assert.deepEqual(held.map(({ reason, amountMinor }) => [reason, amountMinor]),
    [[PayoutReason.ELIGIBLE, 65n], [PayoutReason.NOTHING, 0n]]);
  assert.deepEqual((await ledger.holdPayouts(run, rules, payees))[0].transferId,
    held[0].transferId);
  const outcomes = [{ accountId: ANN, outcome: PayoutOutcome.PAID },
    { accountId: BEN, outcome: PayoutOutcome.FAILED }];
  for (const status of [TransferStatus.CREATED, TransferStatus.EXISTS]) {
    const settled = await ledger.settlePayouts(1, run.id, outcomes);
    assert.deepEqual(settled.map((result) => result.status),
      [status, TransferStatus.PENDING_TRANSFER_NOT_FOUND]);
    assert.ok(settled[0].isDone);
  }
  const [ann, ben] = await ledger.findPayouts(1n, run.id, [ANN, BEN]);
  assert.equal(ann.resolution, TransferKind.POSTED);
  assert.equal(ben, null);
  await assert.rejects(ledger.holdPayouts({ ...run, code: 6 }, rules, payees),
    { reason: LedgerReason.RUN_DIFFERS });
  await store.close();
});

test('who has a role for the owner may', async () => {
  const store = await Store.open('sqlite::memory:');
  await store.migrate();
  const { service } = store;
  await service.ledger.openBooks([{ book: 1, asset: 'EUR', scale: 2 }]);
  await service.ledger.openAccounts(ACCOUNTS);
  const sale = move(TILL, ANN, 70);
  await service.ledger.post([sale]);
  await service.ledger.assignOwners([
    { entity: 'market', book: 1 }, { entity: 'shop', accountId: ANN }]);
  await service.roles.found('shop', 'sue');

  const shop = store.as('sue').ledger;

  const { rows } = await shop.transfersPage({ accountId: ANN });
  assert.equal(rows.length, 1);
  const refund = { id: randomUUID(), reversedId: sale.id, amountMinor: 20, book: 1, code: 1 };
  assert.ok((await shop.post([refund]))[0].isDone);
  for (const denied of [() => shop.transfersPage({ book: 1 }), () => shop.findOwners([ANN])]) {
    await assert.rejects(denied(), { status: Status.EDENIED });
  }
  assert.deepEqual(await service.ledger.findOwners([ANN, BEN, randomUUID()]), [
    { book: 1n, entity: 'shop', bookEntity: 'market' },
    { book: 1n, entity: '', bookEntity: 'market' }, null]);
  await store.close();
});

test('groups are summed', async () => {
  const store = await Store.open('sqlite::memory:');
  await store.migrate();
  const { ledger } = store.service;
  const [above, below] = [randomUUID(), randomUUID()];
  const total = (accountCount, creditsPostedMinor) => ({
    book: 1n,
    accountCount,
    balances: {
      debitsPendingMinor: 0n, debitsPostedMinor: 0n, creditsPendingMinor: 0n, creditsPostedMinor,
    },
  });
  await ledger.openBooks([{ book: 1, asset: 'EUR', scale: 2 }]);
  await ledger.openAccounts(ACCOUNTS);
  await ledger.post([move(TILL, ANN, 70), move(TILL, BEN, 5)]);
  const members = [{ groupId: above, accountId: ANN }, { groupId: below, accountId: ANN },
    { groupId: below, accountId: BEN }];

  for (let round = 0; round < 2; round++) {
    await ledger.openGroups([{ id: above, book: 1 }, { id: below, book: 1, parentId: above }]);
    await ledger.groupAccounts(members);
  }

  assert.deepEqual(await ledger.sumGroups([above, ANN, below]),
    [total(2n, 75n), null, total(2n, 75n)]);
  const [first] = await ledger.listGroupAccounts(below, 0, { capacity: 1 });
  const [second] = await ledger.listGroupAccounts(below, first.timestampNs);
  assert.deepEqual([first.id, second.id], [ANN, BEN]);
  await ledger.ungroupAccounts(members.slice(1));
  assert.deepEqual(await ledger.sumGroups([above, below]), [total(1n, 70n), total(0n, 0n)]);
  await assert.rejects(ledger.groupAccounts([{ groupId: above, accountId: randomUUID() }]),
    { reason: LedgerReason.ACCOUNT_UNKNOWN });
  await store.close();
});

test('invoices have numbers without gaps, and credit notes give back', () => {
  const store = SyncStore.open('sqlite::memory:');
  store.migrate();
  const { ledger } = store.service;
  ledger.openBooks([{ book: 1, asset: 'EUR', scale: 2 }]);
  ledger.openAccounts(ACCOUNTS);
  const sale = move(TILL, ANN, 119);
  ledger.post([sale]);
  const [id, other, noteId] = [randomUUID(), randomUUID(), randomUUID()];
  const invoice = { id, accountId: ANN, book: 1, series: 'R',
    lines: [{ transferId: sale.id, amountMinor: 100, taxMinor: 16, taxRatePpm: 190000, text: 'é' },
      { transferId: sale.id }] };
  const note = { id: noteId, correctsId: id, book: 1, series: 'R', lines: [{ correctedLine: 2 }] };

  const results = ledger.issueInvoices([invoice, { ...invoice, id: other }, note]);
  const [repeat] = ledger.issueInvoices([invoice]);

  assert.deepEqual(results.map((result) => [result.status, result.number, result.isDone]),
    [[InvoiceStatus.CREATED, 1n, true],
      [InvoiceStatus.TRANSFER_ALREADY_INVOICED, 0n, false], [InvoiceStatus.CREATED, 2n, true]]);
  assert.equal(results[1].refusedLine, 1n);
  assert.deepEqual([repeat.status, repeat.number, repeat.amountMinor, repeat.taxMinor],
    [InvoiceStatus.EXISTS, 1n, 119n, 16n]);
  const [stored, nothing] = ledger.findInvoices([id, other]);
  assert.equal(nothing, null);
  assert.equal(stored.creditedMinor, 19n);
  assert.deepEqual(ledger.listInvoices(1, 'R', 1).map((row) => [row.number, row.correctsId]),
    [[2n, id]]);
  assert.deepEqual(ledger.listInvoiceLines(id, 0, { capacity: 1 }),
    [{ lineNumber: 1n, transferId: sale.id, amountMinor: 100n, taxMinor: 16n, taxRatePpm: 190000,
      text: 'é', correctedLine: 0n, creditedMinor: 0n, creditedTaxMinor: 0n }]);
  store.close();
});
