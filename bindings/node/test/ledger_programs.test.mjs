// Incentive programs through the binding.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { test } from 'node:test';
import { NOW_US } from './support.mjs';
import { LedgerReason, NominationStatus, PayoutReason, Status, Store } from '../lib/index.mjs';

const [TILL, ANN, BEN] = [1, 2, 3].map((number) => `00000000-0000-0000-0000-00000000000${number}`);
const ACCOUNTS = [TILL, ANN, BEN].map((id) => ({ id, book: 1, code: 10 }));

test('who is nominated in a program is found and paid', async () => {
  const store = await Store.open('sqlite::memory:');
  await store.migrate();
  store.freezeClock(NOW_US);
  const { ledger } = store.service;
  const program = {
    id: randomUUID(), book: 1, name: 'shop of the month', untilUs: NOW_US + 100n,
    nominationsMax: 1,
  };
  const shop = { programId: program.id, subject: 'shop', nominatedBy: 'eve', accountId: ANN };
  await ledger.openBooks([{ book: 1, asset: 'EUR', scale: 2 }]);
  await ledger.openAccounts(ACCOUNTS);
  const sale = { debitAccountId: TILL, creditAccountId: ANN, amountMinor: 70, book: 1, code: 1 };
  await ledger.post([{ ...sale, id: randomUUID() }]);
  await ledger.openPrograms([program]);

  const nominated = await ledger.nominate([shop, shop, { ...shop, subject: 'other' }]);

  assert.deepEqual(nominated.map((result) => [result.status, result.number, result.isDone]), [
    [NominationStatus.CREATED, 1n, true], [NominationStatus.EXISTS, 1n, true],
    [NominationStatus.FULL, 0n, false]]);
  const found = { programId: program.id, book: 1n, subject: 'shop', number: 1n, accountId: ANN,
    nominatedBy: 'eve', fromUs: NOW_US, untilUs: NOW_US + 100n, withdrawnBy: '',
    userData128: null };
  assert.deepEqual(await ledger.listNominations(program.id), [found]);
  assert.deepEqual(await ledger.listNominations(program.id, { afterSubject: 'shop' }), []);
  assert.deepEqual(await ledger.checkNominations(program.id, [ANN, BEN]), [
    { isNominated: true, untilUs: NOW_US + 100n }, { isNominated: false, untilUs: 0n }]);
  const rules = { book: 1, programId: program.id };
  const payouts = await ledger.checkPayouts(rules, [{ accountId: ANN }, { accountId: BEN }]);
  assert.deepEqual(payouts.map((payout) => payout.reason),
    [PayoutReason.ELIGIBLE, PayoutReason.NOT_NOMINATED]);

  const [ended] = await ledger.withdrawNominations([
    { programId: program.id, subject: 'shop', withdrawnBy: 'bob' }]);
  assert.ok(ended.isDone);
  assert.deepEqual(await ledger.listSubjectNominations({ book: 1, subject: 'shop' }),
    [{ ...found, untilUs: NOW_US, withdrawnBy: 'bob' }]);
  await ledger.endProgram(program.id, NOW_US + 50n);
  await assert.rejects(ledger.endProgram(program.id, NOW_US + 51n),
    { status: Status.EREFUSED, reason: LedgerReason.PROGRAM_ENDS_EARLIER });
  const programs = await ledger.findPrograms([program.id, ANN]);
  assert.equal(programs[0].untilUs, NOW_US + 50n);
  assert.equal(programs[0].openedUntilUs, NOW_US + 100n);
  assert.equal(programs[1], null);
  await store.close();
});
